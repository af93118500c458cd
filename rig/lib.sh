# Shared by rig/container, rig/vm and rig/run: sourced, never run.
# shellcheck shell=bash disable=SC2016 # quoted scripts and formats are for others to expand
set -euo pipefail
shopt -s inherit_errexit # else a failed build inside $(...) goes unseen

rig_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bulwark-rig
instances=$cache/instances

say() { printf 'rig: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

# What runs in a rig gets the environment of a host, not of the caller.
# shellcheck disable=SC2034 # for those who source this
host_env=(env -i -C /root HOME=/root TERM=dumb LANG=C.UTF-8
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)

need_root() { [ "$(id -u)" = 0 ] || die "cannot run a rig: root is needed (mounts, namespaces, cgroups)"; }

# need_packages PACKAGE...: only what is missing, so that a warm start asks apt nothing.
need_packages() {
	local p missing=()
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	say "installing ${missing[*]}"
	{
		apt-get update -qq || true # a dead third-party source must not stop us; the install below decides
		DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}"
	} >&2
}

# mirror: the Debian archive that this machine already uses; nothing when it uses none (then mmdebstrap has a default).
mirror() {
	# awk reads to the end: an early exit would kill apt-get by SIGPIPE, which pipefail reports as a failure.
	printf '%s' "${BULWARK_RIG_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		awk '/\/debian\/?$/ && !n++')}"
}

# debian_root SUITE DIR PACKAGE...: a minimal Debian tree.
debian_root() {
	local suite=$1 dir=$2 from opts
	shift 2
	from=$(mirror)
	opts=$(mktemp)
	# The machine's own proxies hold for the image as well. Valid-Until: a mirror that is a frozen snapshot is
	# older than its own index allows; the signatures are still checked.
	apt-config dump Acquire::http Acquire::https | grep -E '^Acquire::https?::' >"$opts" || true
	echo 'Acquire::Check-Valid-Until "false";' >>"$opts"
	mmdebstrap --quiet --mode=root --variant=minbase --format=directory --aptopt="$opts" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--include="$(IFS=,; echo "$*")" "$suite" "$dir" ${from:+"$from"} >&2
	rm -f "$opts"
	# Work in the background that would steal an emulated CPU, or lock dpkg and the account files, in mid-test.
	systemctl --root="$dir" --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer
	# mmdebstrap copies the machine's. Without a server a lookup fails at once, which is right for a host without network.
	echo '# no network' >"$dir/etc/resolv.conf"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$dir/etc/hosts"
	rm -rf "$dir"/var/lib/apt/lists/* "$dir"/var/cache/apt/*
}

# ext4_image DIR FILE: one real file system for / and Docker's data root, as on a plain host. An overlay as the root
# would do for neither: overlay2 refuses an overlay below it, and rename and O_TMPFILE behave differently there.
ext4_image() {
	truncate -s 6G "$2"
	mkfs.ext4 -q -F -L rig -d "$1" "$2" >&2
}

# image NAME BUILDER ARG...: prints the folder of the cached image that BUILDER makes with "ARG... FOLDER".
# The key is a hash of all code and data that go into it: change the recipe and the next `up` rebuilds.
image() {
	local name=$1 key dir
	shift
	key=$({ declare -f debian_root ext4_image "$1"; printf '%s\n' "$@"; } | sha256sum | cut -c1-12)
	dir=$cache/$name-$key
	mkdir -p "$cache"
	(
		flock 9 # two builds of one image must not race; the second finds it made
		[ -e "$dir/disk" ] && exit
		say "building image $name-$key (once)"
		rm -rf "$dir.tmp"
		mkdir "$dir.tmp"
		# Both descriptors closed for the builder: a daemon left behind by a package script would keep the lock.
		"$@" "$dir.tmp" 9>&-
		mv "$dir.tmp" "$dir"
		find "$cache" -maxdepth 1 -name "$name-????????????" ! -path "$dir" -mtime +7 -exec rm -rf {} +
	) 9>"$cache/$name.lock"
	echo "$dir"
}

# starttime PID: with the pid it names a process for good; a pid alone is reused.
starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
owner() { echo "$1 $(starttime "$1")"; }
owner_lives() {
	local pid start
	read -r pid start <"$1" && [ "$(starttime "$pid")" = "$start" ]
}

# sweep: takes down instances whose run was killed before it could do so itself.
sweep() {
	local f
	for f in "$instances"/*/owner; do
		[ -e "$f" ] || continue
		owner_lives "$f" && continue
		say "cleaning up after a killed run: $(basename "$(dirname "$f")")"
		"$rig_dir/$(cat "$(dirname "$f")/rig")" down "$(cat "$(dirname "$f")/name")"
	done
}

# new_instance RIG NAME: the instance's folder, swept and empty.
new_instance() {
	local dir=$instances/$1-$2
	[[ $2 =~ ^[a-z0-9][a-z0-9-]*$ ]] || die "cannot use $2 as a name: want a-z, 0-9 and -"
	sweep
	"$rig_dir/$1" down "$2"
	mkdir -p "$dir"
	echo "$1" >"$dir/rig"
	echo "$2" >"$dir/name"
	[ -z "${BULWARK_RIG_OWNER:-}" ] || owner "$BULWARK_RIG_OWNER" >"$dir/owner"
	echo "$dir"
}

# wait_until SECONDS WHAT CMD...: polls; a rig that does not come up is an error, never a hang.
wait_until() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || die "cannot wait longer for $what"
		sleep 0.2
	done
}

# wait_ready NAME: systemd has finished booting, and docker answers. `degraded` counts: a unit may fail in a rig
# (nothing to mount, no hardware) that is no concern of ours.
wait_ready() {
	rig_exec "$1" systemctl is-system-running --wait >/dev/null || true
	wait_until 300 "docker in $1" rig_exec "$1" docker version
}

# The rest works on any rig through its rig_exec NAME CMD...

# push NAME SRC DST: DST becomes what SRC is, file or folder.
push() {
	if [ -d "$2" ]; then
		tar -C "$2" -c . | rig_exec "$1" sh -c 'mkdir -p "$1" && tar -C "$1" -x --no-same-owner' - "$3"
	else
		# rm first: a running binary cannot be written over (ETXTBSY), only replaced.
		rig_exec "$1" sh -c 'mkdir -p "$(dirname "$1")" && rm -f "$1" && cat >"$1" && chmod "$2" "$1"' - \
			"$3" "$(stat -Lc %a "$2")" <"$2"
	fi
}

# pull NAME SRC DST: the other way.
pull() {
	if rig_exec "$1" test -d "$2" </dev/null; then
		mkdir -p "$3"
		rig_exec "$1" tar -C "$2" -c . </dev/null | tar -C "$3" -x --no-same-owner
	else
		rig_exec "$1" cat "$2" </dev/null >"$3"
	fi
}

provision() {
	push "$1" "$rig_dir/provision.sh" /root/provision.sh
	rig_exec "$1" bash /root/provision.sh </dev/null >&2
}

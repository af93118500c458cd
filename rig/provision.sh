#!/usr/bin/env bash
# Makes a Debian machine with Docker a test host: run as root inside a rig, at each fresh start, and by Vagrant.
set -euo pipefail

packages=(docker.io iptables nftables auditd busybox-static uidmap procps iproute2 ipset)
if ! command -v docker || ! command -v busybox; then
	apt-get update -qq
	# docker-cli is a package of its own from Debian 13 on, and only recommended.
	! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker-cli)
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi >/dev/null

# The tests rewrite accounts, daemon.json and units of the host they run on; without this mark they refuse to.
# tmpfiles.d brings the one in /run back at each boot.
echo 'this host is a bulwark test rig: tests may change anything on it' | tee /etc/bulwark-rig >/run/bulwark-rig
echo 'C /run/bulwark-rig - - - - /etc/bulwark-rig' >/etc/tmpfiles.d/bulwark-rig.conf

systemctl enable --quiet docker
systemctl is-active --quiet docker || systemctl start docker

# An image without a registry. Its tar stays: under userns-remap Docker has a data root of its own, without images, and
# a story imports it again (docker import /var/lib/bulwark-rig/busybox.tar busybox:test).
state=/var/lib/bulwark-rig
mkdir -p $state
[ -e $state/busybox.tar ] || {
	root=$(mktemp -d)
	mkdir -p "$root"/{bin,etc,proc,sys,tmp,dev}
	cp "$(command -v busybox)" "$root/bin/busybox"
	# The usual ones; any other is "busybox NAME". All 270 would take seconds on an emulated CPU.
	for applet in sh ash cat chmod chown cp dd df echo env false grep head id ip kill ln ls mkdir mknod mount mv nc \
		nproc ping ps pwd rm sed sleep sort stat su tail test touch true umount uname wget which whoami; do
		ln -s busybox "$root/bin/$applet"
	done
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	chmod 1777 "$root/tmp"
	chmod 755 "$root" # mktemp made it 0700: under userns-remap the container's root could not enter /
	tar -C "$root" -cf $state/busybox.tar .
	rm -rf "$root"
}
docker image inspect busybox:test >/dev/null 2>&1 || docker import $state/busybox.tar busybox:test >/dev/null

# What a test resets the host to. pax keeps nanoseconds, which rollback promises to bring back.
[ -e $state/pristine.tar ] || {
	paths=()
	for p in etc/{passwd,group,shadow,gshadow,subuid,subgid,login.defs} etc/default/{docker,ufw} etc/docker \
		etc/systemd/system etc/bulwark etc/hosts etc/ufw etc/firewalld etc/audit etc/systemd/journald.conf.d; do
		[ ! -e "/$p" ] || paths+=("$p")
	done
	tar -C / --format=pax --xattrs -cf $state/pristine.tmp "${paths[@]}"
	mv $state/pristine.tmp $state/pristine.tar
}

//go:build rig

package rig_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate"
)

// A fact is one thing that a plan was computed from: how somebody changes it, how
// it is put back, and what apply then says (a regular expression).
type fact struct{ name, change, back, says string }

// attribute begins a script that is the setting of an extended attribute of the
// file that follows, for which a minimal host has no program; noAttribute takes
// it off.
const attribute, noAttribute = "attribute ", "noattribute "

// run runs a script of a fact.
func (f *facts) run(script string) {
	f.Helper()
	var err error
	if path, ok := strings.CutPrefix(script, attribute); ok {
		err = unix.Setxattr(path, "user.rig", []byte("1"), 0)
	} else if path, ok := strings.CutPrefix(script, noAttribute); ok {
		err = unix.Removexattr(path, "user.rig")
	} else {
		f.sh(script)
	}
	if err != nil {
		f.Fatalf("%s: %v", script, err)
	}
}

// Invariant 9: if any single fact has changed since the plan was saved, apply PLAN
// exits with 6, names it, and changes nothing.
func TestInvariant09Facts(t *testing.T) {
	skipInVM(t, "facts are compared the same everywhere, and each is a run under the driver")
	h := borrowWholeHost(t)
	dir := t.TempDir()
	h.sh("cp -a " + wholeFile + " " + dir) // TempDir goes, the policy stays
	f := &facts{sweepHost: h, file: filepath.Join(dir, "saved.plan"), dir: dir}
	f.saved = h.savePlan(wholeFile, f.file)
	all := f.all()
	start := h.invocation()
	for _, n := range chooseOf(t, len(all), *points*2) {
		f.one(all[n-1])
	}
	if h.invocation() != start {
		t.Error("dockerd was restarted")
	}
	heavy := f.restarting()
	for _, n := range chooseOf(t, len(heavy), *points/5) {
		f.one(heavy[n-1])
	}
	f.noFacts()
	t.Logf("%d facts changed one at a time, each named with exit code 6 and 0 mutating system calls; %d things that are no facts", f.runs, len(f.noFact()))
}

type facts struct {
	*sweepHost
	file, dir string
	saved     *remediate.SavedPlan
	runs      int
}

// one changes a fact, applies the saved plan, and puts the fact back.
func (f *facts) one(c fact) {
	f.Helper()
	f.runs++
	f.run(c.change)
	w := f.watch("bulwark", "apply", f.file, "--settle", "0s")
	if w.code == 0 {
		f.Fatalf("%s: applied:\n%s", c.name, w.out)
	}
	f.refused(c.name, w, 6, "the plan is stale: ")
	if !regexp.MustCompile(c.says).MatchString(w.out) {
		f.Errorf("%s: the message does not match %s:\n%s", c.name, c.says, w.out)
	}
	f.run(c.back)
	now := f.savePlan(wholeFile, filepath.Join(f.dir, "now.plan"))
	if diff := cmp.Diff(f.saved.Facts, now.Facts); diff != "" {
		f.Fatalf("%s: the test did not put it back:\n%s", c.name, diff)
	}
	if diff := f.unlike(); diff != "" {
		f.Fatalf("%s: the test did not put it back, or apply changed it:\n%s", c.name, diff)
	}
}

func (f *facts) all() []fact {
	var all []fact
	for _, path := range factPaths(f.saved) {
		if exists(path) {
			all = append(all, f.file1(path)...)
		} else {
			all = append(all, appears(path)...)
		}
	}
	all = append(all, foldersFacts()...)
	all = append(all, accountFacts()...)
	all = append(all, daemonFacts()...)
	all = append(all, ruleFacts()...)
	return append(all, f.planFacts()...)
}

// lineFor is a valid line to add to a file, so that it is the line that counts
// and not that the file is broken.
func lineFor(path string) string {
	switch filepath.Base(path) {
	case "passwd":
		return `rigx:x:4242:4242::/:/bin/false`
	case "group":
		return `rigx:x:4242:`
	case "shadow":
		return `rigx:!:19000::::::`
	case "gshadow":
		return `rigx:!::`
	case "subuid", "subgid":
		return `rigx:700000000:10`
	}
	return ""
}

// file1 are the changes of a file that the plan replaces.
func (f *facts) file1(path string) []fact {
	keep := filepath.Join(f.dir, filepath.Base(path))
	names := "file " + regexp.QuoteMeta(path) + ": was .* now "
	blocks := regexp.QuoteMeta(path)
	in := func(name, change, back, says string) fact {
		r := strings.NewReplacer("FILE", path, "KEEP", keep)
		return fact{name + " of " + path, r.Replace("cp -a FILE KEEP; " + change), r.Replace(back), says}
	}
	return []fact{
		in("content", "echo '"+lineFor(path)+"' >>FILE", "cp -a KEEP FILE", names),
		in("mode", "chmod o+x FILE", "chmod o-x FILE; cp -a KEEP FILE", names),
		in("owner", "chown 1 FILE", "chown 0 FILE; cp -a KEEP FILE", names),
		in("group", "chgrp 2 FILE", "cp -a KEEP FILE", names),
		{"attribute of " + path, attribute + path, noAttribute + path, names},
		in("replacement", "cp -a FILE FILE.rig; echo '"+lineFor(path)+"' >>FILE.rig; mv FILE.rig FILE", "cp -a KEEP FILE", names),
		in("lock", "chattr +i FILE", "chattr -i FILE", blocks+".*(chattr|immutable)"),
		in("second link", "ln FILE /etc/rig-link", "rm /etc/rig-link", blocks+".*hard links"),
		in("link", "mv FILE FILE.rig; ln -s FILE.rig FILE", "mv FILE.rig FILE", blocks+".*symlink"),
		in("mount", "mount --bind FILE FILE", "umount FILE", blocks+".*mounted"),
		in("absence", "mv FILE FILE.rig", "mv FILE.rig FILE", blocks),
	}
}

// appears are the changes of a file that the plan makes.
func appears(path string) []fact {
	made := filepath.Dir(path)
	back := "rm " + path
	if !exists(made) {
		back += "; rmdir " + made
	}
	names := "file " + regexp.QuoteMeta(path) + ": was .*absent.* now "
	return []fact{
		{"an empty " + path, "mkdir -p " + made + "; touch " + path, back, names},
		{"somebody's " + path, "mkdir -p " + made + "; echo '{}' >" + path, back, names},
		{"a link at " + path, "mkdir -p " + made + "; ln -s /nowhere " + path, back, regexp.QuoteMeta(path)},
		{"a folder at " + path, "mkdir -p " + path, strings.Replace(back, "rm ", "rmdir ", 1), regexp.QuoteMeta(path)},
	}
}

func foldersFacts() []fact {
	return []fact{
		{"mode of a folder", "chmod 777 /etc/docker", "chmod 755 /etc/docker", "/etc/docker.*written by others|/etc/docker.*others"},
		{"owner of a folder", "chown 1 /etc/docker", "chown 0 /etc/docker", "/etc/docker"},
		{"link for a folder", "mv /etc/docker /etc/docker.rig; ln -s docker.rig /etc/docker", "rm /etc/docker; mv /etc/docker.rig /etc/docker", "/etc/docker"},
		{"read-only folder", "mount --bind /etc/docker /etc/docker; mount -o remount,bind,ro /etc/docker", "umount /etc/docker", "/etc/docker.*read-only"},
		{"locked folder", "chattr +i /etc/docker", "chattr -i /etc/docker", "/etc/docker.*(chattr|immutable)"},
		{"mode of /etc", "chmod o+w /etc", "chmod o-w /etc", "/etc"},
	}
}

func accountFacts() []fact {
	const files = "/etc/{passwd,group,shadow,gshadow,subuid,subgid}"
	const keep = "shopt -s nullglob; mkdir /root/keep; cp -a " + files + "{,[-]} /root/keep; "
	const back = "rm -f " + files + "-; cp -a /root/keep/* /etc; rm -r /root/keep"
	return []fact{
		{"a new user", keep + "useradd rigx", back, "file /etc/group: was "},
		{"a new system user", keep + "useradd -r rigx", back, "file /etc/group: was "},
		{"a new group", keep + "groupadd rigx", back, "file /etc/group: was "},
		{"ranges of a user", keep + "usermod --add-subuids 700000000-700000009 daemon", back, "file /etc/subuid: was "},
		{"a password", keep + "echo daemon:x | chpasswd -e", back, "file /etc/shadow: was "},
		{"login.defs", "cp -a /etc/login.defs /root/keep; sed -i 's/^\\(#*\\)SYS_GID_MAX.*/SYS_GID_MAX 400/;$aSYS_GID_MAX 400\\nSYS_UID_MAX 400' /etc/login.defs", "cp -a /root/keep /etc/login.defs; rm /root/keep", "change of /etc/group: was "},
	}
}

func daemonFacts() []fact {
	const kept = "docker unpause kept >/dev/null"
	dropIn := func(text string) string {
		return "mkdir -p /etc/systemd/system/docker.service.d; printf '[Service]\\n" + text + "' >/etc/systemd/system/docker.service.d/rig.conf; systemctl daemon-reload"
	}
	const noDropIn = "rm -r /etc/systemd/system/docker.service.d; systemctl daemon-reload"
	// What dockerd took and does not find again in the file any more.
	const reload = "cp -a /etc/docker/daemon.json /root/keep; printf '{\"live-restore\":true,\"debug\":false,\"shutdown-timeout\":3}' >/etc/docker/daemon.json; " +
		"systemctl reload docker; until docker info -f '{{.LiveRestoreEnabled}}' | grep -q true; do sleep 0.1; done; cp -a /root/keep /etc/docker/daemon.json; rm /root/keep"
	const unreload = "cp -a /etc/docker/daemon.json /root/keep; printf '{\"live-restore\":false,\"debug\":false,\"shutdown-timeout\":3}' >/etc/docker/daemon.json; " +
		"systemctl reload docker; until docker info -f '{{.LiveRestoreEnabled}}' | grep -q false; do sleep 0.1; done; cp -a /root/keep /etc/docker/daemon.json; rm /root/keep"
	return []fact{
		{"a drop-in", dropIn("Environment=RIG=1\\n"), noDropIn, "unit files: was .*now .*rig.conf"},
		{"another ExecStart", dropIn("ExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock --debug\\n"), noDropIn, "unit files: was .*now .*rig.conf"},
		{"a flag from a file", "cp -a /etc/default/docker /root/keep; echo 'DOCKER_OPTS=--debug' >>/etc/default/docker", "cp -a /root/keep /etc/default/docker; rm /root/keep", "dockerd flags: was "},
		{"a container started", "docker run -d --init --name new busybox:test sleep 1000", "docker rm -f new", `running containers: was "kept", now "kept new"`},
		{"a container started with --rm", "docker run -d --init --rm --name new busybox:test sleep 1000", "docker rm -f new", `running containers: was "kept", now "kept new\(--rm\)"`},
		{"a container paused", "docker pause kept", kept, `running containers: was "kept", now "kept\(paused\)"`},
		{"a container stopped", "docker stop kept", "docker start kept", `running containers: was "kept", now ""`},
		{"limits", "docker update --pids-limit 80 kept", "docker update --pids-limit 90 kept", "limits container kept: was "},
		{"a restart policy beside limits", "docker update --restart=unless-stopped kept", "docker update --restart=always kept", "limits container kept: was "},
		{"live-restore in effect", reload, unreload, "live-restore in effect: was .*false.* now .*true"},
	}
}

func ruleFacts() []fact {
	return []fact{
		{"a chain of bulwark's name", "iptables -N BULWARK-EGRESS", "iptables -X BULWARK-EGRESS", `egress iptables \(nft\): was `},
		{"a table of bulwark's name", "nft add table inet bulwark", "nft delete table inet bulwark", "egress .*: was "},
		{"a set of bulwark's name", "ipset create bulwark-4-rig hash:net", "ipset destroy bulwark-4-rig", "egress .*: was "},
		{
			"a network with a bridge of its own name", "docker network create -o com.docker.network.bridge.name=rig0 rig", "docker network rm rig",
			`change of (/var/lib/bulwark/egress.json|egress iptables \(nft\)): was `,
		},
	}
}

// planFacts are about the policy, the machine and its history.
func (f *facts) planFacts() []fact {
	state := "cp -a /var/lib/bulwark/state.json /root/keep; "
	stateBack := "cp -a /root/keep /var/lib/bulwark/state.json; rm /root/keep"
	edit := func(sed string) string { return fmt.Sprintf("sed -i '%s' %s", sed, wholeFile) }
	policyBack := fmt.Sprintf("cp -a %s %s", filepath.Join(f.dir, filepath.Base(wholeFile)), wholeFile)
	return []fact{
		{"a value of the policy", edit("s/swept=yes/swept=no/"), policyBack, "whole.yaml has changed|change of /etc/docker/daemon.json"},
		{"an address of the policy", edit("s/192.0.2.7/192.0.2.8/"), policyBack, "whole.yaml has changed|change of /var/lib/bulwark/egress.json"},
		{"the machine", "cp -a /etc/machine-id /root/keep; echo 0123456789abcdef0123456789abcdef >/etc/machine-id", "cp -a /root/keep /etc/machine-id; rm /root/keep", "made for another host"},
		{"the serial", state + `sed -i 's/"serial": *[0-9]*/"serial": 4711/' /var/lib/bulwark/state.json`, stateBack, "now 4711"},
		{"the lineage", state + `sed -i 's/"lineage": *"[0-9a-f]*/"lineage": "00000000/' /var/lib/bulwark/state.json`, stateBack, "another history of this host"},
		{"the history", "mv /var/lib/bulwark/state.json /root/keep", "mv /root/keep /var/lib/bulwark/state.json", "history|serial"},
	}
}

// restarting are facts that cost a restart of dockerd.
func (f *facts) restarting() []fact {
	const up = "systemctl start docker.socket docker; until docker ps | grep -q kept; do sleep 0.2; done"
	return []fact{
		{"dockerd stopped", "systemctl stop docker.socket docker", up, "docker.service: was .*loaded active.*now .*inactive|engine version: was .* now not there"},
		{"swarm", "docker swarm init --advertise-addr 127.0.0.1 >/dev/null", "docker swarm leave --force; docker network rm docker_gwbridge", "swarm: was .*inactive.* now .*active"},
		{"dockerd killed", "systemctl stop docker.socket; systemctl mask --runtime docker; systemctl kill -s KILL docker; sleep 0.5", "systemctl unmask --runtime docker; " + up, "engine version|docker.service"},
	}
}

// noFacts are what nobody decided by: an apply is not refused for it.
func (f *facts) noFact() []string {
	return []string{
		"for f in /etc/{passwd,group,shadow,gshadow,subuid,subgid} /etc/docker/daemon.json; do touch -d @1000000000.123456789 $f; done",
		"iptables -A DOCKER-USER -s 203.0.113.9 -j DROP",
		"docker create --name idle busybox:test true",
		"docker update --restart=unless-stopped idle",
		"touch /etc/rig-unrelated",
		"echo '# a comment' >>" + wholeFile,
	}
}

func (f *facts) noFacts() {
	f.Helper()
	f.sh("mkdir /root/times; cp -a --attributes-only /etc/{passwd,group,shadow,gshadow,subuid,subgid} /etc/docker/daemon.json /root/times")
	for _, script := range f.noFact() {
		f.sh(script)
	}
	w := f.watch("bulwark", "apply", f.file, "--settle", "0s")
	if w.code != 0 {
		f.Fatalf("refused for what is no fact: exit code %d\n%s", w.code, w.out)
	}
	f.rollback()
	f.sh(`for f in /root/times/*; do touch -r $f /etc/${f##*/} /etc/docker/${f##*/} -c; done; rm -r /root/times /etc/rig-unrelated
		iptables -D DOCKER-USER -s 203.0.113.9 -j DROP; docker rm idle; sed -i '$d' ` + wholeFile)
	f.judge("what is no fact")
}

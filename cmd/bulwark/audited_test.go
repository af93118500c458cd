package main

import (
	"path"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// audited is busy with auditd of Debian 12, a file of somebody else's rules,
// and nothing of bulwark's yet.
func audited() *resource.Snapshot {
	s := busy()
	s.Audit = resource.Known(resource.Audit{
		Kernel: resource.Known(resource.AuditKernel{Enabled: resource.AuditOn, Failure: 1, PID: 300, BacklogLimit: 64, BacklogWaitTime: 60000, Lost: 7}),
		Files: []resource.File{
			file("/etc/audit/rules.d/10-site.rules", "-w /etc/motd -p wa -k motd\n-w /srv/token="+canary+" -p wa\n-e 2"),
			file("/etc/audit/rules.d/audit.rules", "-D\n-b 8192\n-f 1\n"),
		},
		Compiled: file("/etc/audit/audit.rules", "## edited by hand\n-D\n"),
		Auditctl: "/usr/sbin/auditctl", Augenrules: "/usr/sbin/augenrules", Version: "3.0.9", Awk: "mawk", Installer: "apt-get",
		Journal: []resource.AuditSetting{{Value: "no", Origin: "/etc/systemd/journald.conf line 47", Default: true}},
		Unit:    resource.Known(unit("auditd.service")),
		Paths:   there("/etc/passwd", "/etc/shadow", "/etc/motd", "/usr/bin/dockerd", "/usr/bin/runc", "/run/docker.sock", "/run/containerd/containerd.sock"),
	})
	return s
}

// there has each path as a file, and the directories above it.
func there(paths ...string) map[string]resource.AuditPath {
	all := map[string]resource.AuditPath{}
	for _, p := range paths {
		all[p] = resource.AuditPath{Real: p, Type: resource.Regular, Parent: true}
		for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
			all[dir] = resource.AuditPath{Real: dir, Type: resource.Dir, Parent: true}
		}
	}
	return all
}

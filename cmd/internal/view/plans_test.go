package view_test

import "github.com/bulwark-project/bulwark/remediate/resource"

var ref = resource.PolicyRef{Name: "strict", Source: "strict.yaml", SHA256: "00"}

// everything is a plan with each status, action, level and form of change.
func everything() *resource.Plan {
	why := []string{"the account dockremap does not exist", "/etc/subuid has no range of dockremap"}
	return &resource.Plan{
		Format: 1, Tool: "1.0", Root: "/", Policy: ref,
		Controls: []resource.ControlResult{
			{ID: "icc", Status: resource.Changing, Reason: "icc: absent → false"},
			{ID: "insecure-registries", Status: resource.Changing, Reason: "dockerd has not read the file"},
			{ID: "userns-remap", Status: resource.Changing, Reason: "the account dockremap does not exist"},
			{ID: "live-restore", Status: resource.Blocked, Reason: "a swarm node refuses it", Remedy: "leave the swarm"},
			{ID: "egress", Status: resource.Unread, Reason: "this version neither checks nor changes it"},
			{ID: "seccomp", Status: resource.Unread, Reason: "this version neither checks nor changes it"},
			{ID: "log-driver", Status: resource.Unread, Reason: "docker is not running"},
			{ID: "ulimits", Status: resource.Manual, Reason: "a person must judge", Remedy: "look"},
			{ID: "log-opts", Status: resource.OK},
			{ID: "no-new-privileges", Status: resource.OK},
		},
		Changes: []resource.Change{
			{Path: "/etc/passwd", Action: resource.Update, Controls: []string{"userns-remap"}, Why: why, Diff: "--- current\n+++ desired\n+dockremap:x:995:995::/nonexistent:/usr/sbin/nologin\n"},
			{Path: "/etc/shadow", Action: resource.Update, Controls: []string{"userns-remap"}, Why: why, Sensitive: true},
			{Path: "/etc/subuid", Action: resource.Create, Controls: []string{"userns-remap"}, Why: why, Diff: "--- current\n+++ desired\n+dockremap:131072:65536\n"},
			{Path: "/etc/docker/daemon.json", Action: resource.Update, Controls: []string{"icc"}, Why: []string{"icc: absent → false (control icc, strict.yaml:11)"}, Diff: "--- current\n+++ desired\n@@ -1,2 +1,2 @@\n {\r\n-  \"icc\": true\n+  \"icc\": false\n }\n"},
			{Path: "/etc/old.conf", Action: resource.Delete, Controls: []string{"icc"}},
		},
		Service: resource.Service{Action: resource.Restart, Reasons: []string{
			"icc is read only when dockerd starts", "userns-remap is read only when dockerd starts",
			"insecure-registries is taken up by a reload", "a reload may end dockerd or drop authorization plugins",
		}},
		Impacts: []resource.Impact{
			{Level: resource.NoteImpact, Text: "icc: default bridge only", Generic: true},
			{Level: resource.NoteImpact, Text: "disk: what is in /var/lib/docker stays there"},
			{Level: resource.IrreversibleImpact, Text: "containers started with --rm are removed: 1", Subjects: []string{"job"}},
			{Level: resource.WarningImpact, Text: "containers stop and come back by their restart policy: 2", Subjects: []string{"db", "web"}},
			{Level: resource.WarningImpact, Text: "out of sight: 1 image"},
		},
		Unread: []resource.UnreadFact{
			{What: "docker.socket", Reason: "systemd is not running"},
			{What: "/etc/shadow", Reason: "needs root"},
			{What: "docker.service", Reason: "systemd is not running"},
		},
	}
}

// reload is the smallest change: a key that dockerd takes up by SIGHUP.
func reload() *resource.Plan {
	return &resource.Plan{
		Policy:   ref,
		Controls: []resource.ControlResult{{ID: "live-restore", Status: resource.Changing, Reason: "live-restore: absent → true"}},
		Changes:  []resource.Change{{Path: "/etc/docker/daemon.json", Action: resource.Create, Controls: []string{"live-restore"}, Why: []string{"live-restore: absent → true (control live-restore, baseline.yaml:12)"}, Diff: "--- current\n+++ desired\n@@ -0,0 +1 @@\n+{\"live-restore\": true}\n"}},
		Service:  resource.Service{Action: resource.Reload, Reasons: []string{"live-restore is taken up by a reload"}},
	}
}

func ok() *resource.Plan {
	return &resource.Plan{Policy: ref, Controls: []resource.ControlResult{{ID: "icc", Status: resource.OK}, {ID: "live-restore", Status: resource.OK}}}
}

// open changes nothing and is not as wanted.
func open() *resource.Plan {
	return &resource.Plan{Policy: ref, Controls: []resource.ControlResult{
		{ID: "icc", Status: resource.OK},
		{ID: "live-restore", Status: resource.Blocked, Reason: "a swarm node refuses it", Remedy: "leave the swarm"},
	}}
}

// rules changes the running kernel and the file that says so at boot, and no
// more of dockerd.
func rules() *resource.Plan {
	const same = "@@ -4,2 +4,1 @@\n-    -d 192.0.2.7/32 -j RETURN\n     -j DROP\n"
	return &resource.Plan{
		Policy: ref,
		Controls: []resource.ControlResult{
			{ID: "egress", Status: resource.Changing, Reason: "the kernel has other rules"},
			{ID: "icc", Status: resource.OK},
		},
		Changes: []resource.Change{{Path: "/var/lib/bulwark/egress.json", Action: resource.Create, Controls: []string{"egress"}, Why: []string{"the rules are loaded from it at boot"}, Diff: "--- current /var/lib/bulwark/egress.json (host)\n+++ desired\n" + same}},
		Operations: []resource.Operation{
			{
				Kind: "egress", Target: "iptables (nft)", Action: resource.Update, Controls: []string{"egress"},
				Why:  []string{"192.0.2.7 is no longer allowed"},
				Diff: "--- current iptables (nft) (host)\n+++ desired iptables (nft) (policy strict)\n" + same,
			},
			{Kind: "egress", Target: "nftables", Action: resource.Delete, Controls: []string{"egress"}, Why: []string{"dockerd uses iptables now"}},
		},
	}
}

// events is what audit rules need: a package, files, and rules in the kernel.
func events() *resource.Plan {
	ids := []string{"audit", "audit-docker-files"}
	return &resource.Plan{
		Policy: ref,
		Controls: []resource.ControlResult{
			{ID: "audit", Status: resource.Changing, Reason: "auditd is not installed"},
			{ID: "audit-docker-files", Status: resource.Changing, Reason: "1 rule is not loaded"},
			{ID: "audit-immutable", Status: resource.Manual, Reason: "pending reboot: the rules are locked at the next boot", Remedy: "reboot when it suits you"},
		},
		Changes: []resource.Change{
			{Kind: "audit", Path: "/etc/audit/rules.d/60-bulwark.rules", Action: resource.Create, Controls: ids, Why: []string{"the rules that are loaded at boot are not those of the policy"}, Diff: "--- current\n+++ desired\n@@ -0,0 +1 @@\n+-a always,exit -F path=/usr/bin/dockerd -F perm=wa -F key=bulwark-docker-files\n"},
		},
		Operations: []resource.Operation{
			{Kind: "packages", Target: "package auditd", Action: resource.Create, Controls: ids, Why: []string{"auditd is not installed, and the policy says audit.install: true"}},
			{Kind: "audit", Target: "kernel audit rules", Action: resource.Create, Controls: ids, Why: []string{"1 rule of the policy is not loaded"}, Diff: "--- current\n+++ desired\n@@ -0,0 +1 @@\n+-w /usr/bin/dockerd -p wa -k bulwark-docker-files\n"},
		},
		Impacts: []resource.Impact{{Level: resource.WarningImpact, Text: "the package auditd is installed with what it depends on, and stays installed after a rollback"}},
	}
}

// onlyRules is what a flushed kernel gets: no file changes.
func onlyRules() *resource.Plan {
	p := rules()
	p.Changes = nil
	return p
}

func kernelRules() []resource.Ruleset {
	return []resource.Ruleset{
		{Backend: resource.BackendIPTables, Variant: resource.VariantNFT, Tables: []resource.RuleTable{{
			Family: resource.FamilyIP4,
			Jumps:  []resource.Jump{{From: "DOCKER-USER", To: "BULWARK-EGRESS", At: 1}},
			Chains: []resource.RuleChain{
				{Name: "BULWARK-EGRESS", Rules: []string{"-i docker0 -j BULWARK-OUT", "-i br-+ -j BULWARK-OUT"}},
				{Name: "BULWARK-OUT", Rules: []string{"-m set --match-set bulwark-4-0123456789ab dst -j RETURN", "-j DROP"}},
			},
			Sets: []resource.AddrSet{{Name: "bulwark-4-0123456789ab", Family: resource.FamilyIP4, Members: []string{"192.0.2.0/25", "198.51.100.7/32"}}},
		}}},
		{Backend: resource.BackendNFTables, Tables: []resource.RuleTable{{
			Family: resource.FamilyInet,
			Chains: []resource.RuleChain{{Name: "forward", Hook: "type filter hook forward priority -10; policy accept;", Rules: []string{"jump egress"}}},
		}}},
	}
}

const limitsDiff = "--- current\n+++ desired\n@@ -1,2 +1,2 @@\n-memory       none\n+memory       256 MiB\n pids         none\n"

// limited is a plan that changes limits of containers and rules besides.
func limited() *resource.Plan {
	p := rules()
	ids := []string{"limits-memory"}
	p.Controls = append(p.Controls, resource.ControlResult{ID: ids[0], Status: resource.Changing, Reason: "db has memory none, and should have memory 256 MiB"})
	for _, name := range []string{"db", "web"} {
		p.Operations = append(p.Operations, resource.Operation{
			Kind: "limits", Target: "container " + name, Action: resource.Update, Controls: ids,
			Why: []string{"limits.rules[0] sets memory 256 MiB"}, Diff: limitsDiff,
		})
	}
	return p
}

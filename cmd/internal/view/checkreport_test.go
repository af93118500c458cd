package view_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// hostile is a name that tries what a name can do to terminals, pages and
// formats.
const hostile = "evil\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\"'&amp;--!>]]>\\{}\r\nforged: line\u202e\u2028\x00\uffff\xff"

// checked is a report with every verdict, severity and kind of finding.
func checked() *resource.Report {
	return &resource.Report{
		Format: resource.ReportFormat, Tool: "1.4.0", Root: "/", HostID: "6f1d", Engine: "28.3.2",
		TakenNS: time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC).UnixNano(),
		Policy:  &resource.PolicyRef{Name: "prod", Source: "/etc/bulwark/policy.yaml", SHA256: "00"},
		Worst:   resource.Critical,
		Controls: append(failedControls(),
			resource.ControlReport{
				ID: "trusted-registry", Title: "Images come from trusted registries", Severity: resource.Medium, Level: 2,
				OWASP: []string{"D08"}, CIS: map[string][]string{"1.6": {"4.2"}, "1.8": {"4.2"}}, Verdict: resource.ByHand,
				Reason:   "which registries are trusted is for you to say",
				Evidence: []string{"docker.io: 12 images", "ghcr.io: 3 images", hostile},
				Why:      "An image runs what its maker put into it.", Remedy: "Pull from registries that you trust, by digest.",
			},
			resource.ControlReport{
				ID: "audit-rules", Title: "Docker's files are watched by audit rules", Severity: resource.Medium, Level: 1,
				OWASP: []string{"D10"}, CIS: map[string][]string{"1.6": {"1.1.3", "1.1.4"}, "1.8": {"1.1.3", "1.1.4"}}, Verdict: resource.Unjudged,
				Reason: "the kernel's audit rules could not be read: permission denied",
				Why:    "Without rules nobody sees who changed them.", Remedy: "Apply a policy with an audit section.",
			},
			resource.ControlReport{
				ID: "live-restore", Title: "Containers outlive the daemon", Severity: resource.Low, Level: 1, OWASP: []string{"D07"},
				CIS: map[string][]string{"1.6": {"2.15"}, "1.8": {"2.16"}}, Verdict: resource.Holds, Judged: 1,
				Why: "A restart of the daemon should stop nothing.", Remedy: `Set "live-restore": true.`,
			},
			resource.ControlReport{
				ID: "container-read-only", Title: "Containers have a read-only root file system", Severity: resource.Medium, Level: 2,
				OWASP: []string{"D04"}, CIS: map[string][]string{"1.6": {"5.13"}, "1.8": {"5.13"}}, Verdict: resource.Holds, Judged: 40, Waived: 1,
				Findings: []resource.Finding{{
					Kind: resource.ContainerObject, Object: "legacy", Verdict: resource.Fails, Observed: "its root file system is writable", Since: resource.SinceSame,
					Waiver: &resource.WaiverNote{Reason: "writes its cache below /opt, replaced by summer", Expires: "2026-06-30", Owner: "platform team"},
				}},
				Why: "Who breaks in cannot leave a program behind.", Remedy: "Run it with --read-only and a tmpfs for what it writes.",
			},
			resource.ControlReport{
				ID: "swarm-autolock", Title: "Swarm managers are locked", Severity: resource.Medium, Level: 1, OWASP: []string{"D06"},
				CIS: map[string][]string{"1.6": {"7.5"}, "1.8": {"7.5"}}, Verdict: resource.NoObject, Reason: "this host is in no swarm",
				Why: "The keys of a swarm lie on the disk of its managers.", Remedy: "docker swarm update --autolock=true",
			},
		),
		Areas:     checkedAreas(),
		Unread:    []resource.UnreadFact{{What: "audit rules", Reason: "permission denied"}, {What: "shadow", Reason: "permission denied"}, {What: hostile, Reason: hostile}},
		AgainstNS: time.Date(2026, 2, 22, 12, 0, 0, 0, time.UTC).UnixNano(),
		Fixed:     []resource.FixedFinding{{Control: "container-privileged", Finding: resource.Finding{Kind: resource.ContainerObject, Object: "ci-runner", Verdict: resource.Fails, Observed: "privileged"}}},
	}
}

func failedControls() []resource.ControlReport {
	return []resource.ControlReport{
		{
			ID: "image-user", Title: "Images name a user other than root", Severity: resource.Low, Level: 1, OWASP: []string{"D01"},
			CIS: map[string][]string{"1.6": {"4.1"}, "1.8": {"4.1"}}, Verdict: resource.Fails, Judged: 3, Failed: 1,
			Findings: []resource.Finding{{Kind: resource.ImageObject, Object: "docker.io/library/" + strings.Repeat("very-long-name-", 20) + ":latest", Verdict: resource.Fails, Observed: "no user", Since: resource.SinceSame}},
			Why:      "Root in a container is root to the kernel.", Remedy: "Add a USER line to the Dockerfile.",
		},
		{
			ID: "container-memory", Title: "Containers have a memory limit", Severity: resource.Medium, Level: 1, OWASP: []string{"D07"},
			CIS: map[string][]string{"1.6": {"5.11"}, "1.8": {"5.11"}}, Verdict: resource.Fails, Judged: 104, Failed: 100, Findings: many(100),
			Why: "One container can take the memory of all.", Remedy: "docker update --memory SIZE --memory-swap SIZE CONTAINER",
		},
		{
			ID: "socket-mounted", Title: "No container reaches the engine's socket", Severity: resource.Critical, Level: 1, OWASP: []string{"D04", "D01"},
			CIS: map[string][]string{"1.6": {"5.32"}, "1.8": {"5.32"}}, Verdict: resource.Fails, Judged: 104, Failed: 3,
			Findings: []resource.Finding{
				{Kind: resource.ContainerObject, Object: "portainer", Verdict: resource.Fails, Observed: "/var/run/docker.sock is mounted", Since: resource.SinceSame, Remedy: "Run it behind a socket proxy, without the mount."},
				{Kind: resource.ContainerObject, Object: hostile, Verdict: resource.Fails, Observed: "/run is mounted " + hostile, Expected: "no mount of " + hostile, Since: resource.SinceNew, Remedy: hostile},
				{Kind: resource.ContainerObject, Object: strings.Repeat("x", 300), Verdict: resource.Fails, Observed: "/ is mounted", Since: resource.SinceNew},
				{Kind: resource.ContainerObject, Object: "gone", Verdict: resource.Unjudged, Observed: "it ended while it was looked at", Since: resource.SinceNew},
			},
			Why: "Who can talk to the engine is root on the host.", Remedy: "Remove the mount.\nIf the container must see the engine, give it a proxy that passes reads only.",
		},
		{
			ID: "daemon-json-mode", Title: "Only root can write daemon.json", Severity: resource.High, Level: 1, OWASP: []string{"D03"},
			CIS: map[string][]string{"1.6": {"3.18"}, "1.8": {"3.18"}}, Verdict: resource.Fails, Judged: 1, Failed: 1,
			Findings: []resource.Finding{{Kind: resource.FileObject, Object: "/etc/docker/daemon.json", Verdict: resource.Fails, Observed: "mode 0666", Expected: "mode 0644 or less", Remedy: "chmod 0644 /etc/docker/daemon.json", Since: resource.SinceNew}},
			Why:      "Who writes it decides what the daemon does as root.", Remedy: "Take write permission from all but root.",
		},
		{
			ID: "daemon-json-owner", Title: "daemon.json belongs to root", Severity: resource.High, Level: 1, OWASP: []string{"D03"},
			CIS: map[string][]string{"1.6": {"3.17", "3.18"}}, Verdict: resource.Holds, Judged: 1,
			Why: "An owner can change the mode.", Remedy: "chown root:root /etc/docker/daemon.json",
		},
	}
}

func many(n int) []resource.Finding {
	var all []resource.Finding
	for i := range n {
		all = append(all, resource.Finding{Kind: resource.ContainerObject, Object: fmt.Sprintf("shop-worker-%d", i+1), Verdict: resource.Fails, Observed: "no limit", Since: resource.SinceSame})
	}
	return all
}

func checkedAreas() []resource.Area {
	titles := []string{
		"Secure user mapping", "Patch management", "Network segmentation and firewalling", "Secure defaults and hardening", "Maintain security contexts",
		"Protect secrets", "Resource protection", "Image integrity and origin", "Follow the immutable paradigm", "Logging",
	}
	scores := [10]int{62, -1, 74, 10, 47, 84, 20, 57, 100, -1}
	failed := [10]int{1, 0, 1, 2, 1, 1, 2, 1, 0, 0}
	bad := [10]int{1, 0, 1, 80, 12, 2, 100, 3, 0, 0}
	all := make([]resource.Area, 0, len(titles))
	for i, title := range titles {
		a := resource.Area{ID: fmt.Sprintf("D%02d", i+1), Title: title, Score: scores[i], Controls: 3, Failed: failed[i], Objects: 104, Bad: bad[i]}
		if a.Score < 0 {
			a.Objects, a.Unknown, a.Controls = 0, i/9, i/9
		}
		all = append(all, a)
	}
	return all
}

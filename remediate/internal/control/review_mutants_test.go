package control_test

import (
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Scores are sums that round against the host, and count a control once.
func TestScore(t *testing.T) {
	reports := []resource.ControlReport{
		{ID: "a", Severity: resource.Low, OWASP: []string{"D01", "D02"}, Verdict: resource.Fails, Judged: 100_000, Failed: 1},
		{ID: "b", Severity: resource.Critical, OWASP: []string{"D01"}, Verdict: resource.Holds, Judged: 3},
		{ID: "c", Severity: resource.High, OWASP: []string{"D03"}, Verdict: resource.Unjudged},
		{ID: "d", Severity: resource.Critical, OWASP: []string{"D04"}, Verdict: resource.Holds, Judged: 2, Waived: 2},
	}
	want := map[string]resource.Area{
		"D01": {Score: 99, Controls: 2, Failed: 1, Objects: 100_003, Bad: 1}, "D02": {Score: -1},
		"D03": {Score: -1, Controls: 1, Unknown: 1}, "D04": {Score: 100, Controls: 1, Objects: 2},
	}
	for _, a := range control.Score(reports) {
		w, ok := want[a.ID]
		if w.ID, w.Title = a.ID, a.Title; ok && a != w {
			t.Errorf("%+v, want %+v", a, w)
		}
	}
	if worst := control.Worst(reports); worst != resource.Low {
		t.Errorf("the worst is %q, want low", worst)
	}
}

// A number is itself or a whole beginning: 2.1 is not 2.10, 5 is not D05.
func TestSelectWholeNumbers(t *testing.T) {
	ids := func(name string) []string {
		chosen, err := control.Select([]string{name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range chosen {
			all = append(all, c.ID)
		}
		return all
	}
	if got := ids("2.1"); !slices.Equal(got, []string{"rootless"}) {
		t.Errorf("2.1 is %v", got)
	}
	if got := ids("5"); slices.Contains(got, "contexts-network") || !slices.Contains(got, "privileged") {
		t.Errorf("5 is %v", got)
	}
	if got := ids("D05"); slices.Contains(got, "privileged") || !slices.Contains(got, "contexts-network") {
		t.Errorf("D05 is %v", got)
	}
	if got := ids("1.1.1"); !slices.Equal(got, []string{"data-root-partition"}) {
		t.Errorf("1.1.1 is %v", got)
	}
}

// What no other test would have noticed if a condition were the other way round.
func TestEdges(t *testing.T) {
	one := func(f ...func(*resource.Snapshot)) []func(*resource.Snapshot) { return f }
	changed := func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.CtimeNS = now.UnixNano() }
	for _, c := range []rebuiltCase{
		{name: "as it should be, since the start", file: `{"userland-proxy": false}`, edit: one(changed), control: "userland-proxy", want: resource.Unjudged, says: "daemon.json"},
		{name: "key of a registry for the group", edit: one(pathMode("/etc/docker/certs.d", 0o755, 0, 0), pathMode("/etc/docker/certs.d/r/x.key", 0o440, 0, 0)), control: "registry-certificates-mode", want: resource.Fails},
		{name: "shared", edit: one(with("c", func(c *resource.Container) { c.Spec.Mounts = []resource.Mount{{Propagation: "shared"}} })), control: "mount-propagation", want: resource.Fails},
		{name: "a socket beside the directory", argv: "-H unix:///srv/d0.sock", edit: one(with("c", mount("/srv/d", true))), control: "docker-socket-mounted", want: resource.Holds},
		{name: "the home of a user", edit: one(with("c", mount("/home/u", true))), control: "sensitive-mounts", want: resource.Fails},
		{name: "the wildcard is in no network", edit: one(listens("0.0.0.0", 10250, "x")), policy: allowing(plans.ManagementPort{Port: "10250/tcp", Address: "0.0.0.0/1"}), control: "management-interfaces", want: resource.Fails},
		{name: "a proxy of a container", edit: one(listens("0.0.0.0", 2375, "docker-proxy")), control: "management-interfaces", want: resource.Holds},
		{name: "its line, before its end", edit: one(engineOf(func(e *resource.Engine) { e.Version = "28.5.2" }), func(s *resource.Snapshot) {
			s.Taken = now.AddDate(-1, 0, 0)
			s.Survey.Value.Packages.Value.SupportEndNS = now.UnixNano()
		}), control: "support-window", want: resource.Holds},
	} {
		t.Run(c.name, c.run)
	}
	s := rebuilt(t, nil, "", with("runs", none), with("rests", func(c *resource.Container) { c.State = "exited" }))
	if e := judge(t, s, nil, "container-sprawl").Evidence; !slices.Contains(e, "stopped: rests") {
		t.Errorf("%q", e)
	}
	s = rebuilt(t, nil, "", engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=userns"} }), with("c", func(c *resource.Container) { c.UsernsMode = "host" }))
	if o := judge(t, s, nil, "container-user").Findings[0].Observed; o != "runs as root" {
		t.Errorf("%q", o)
	}
}

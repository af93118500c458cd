package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A waiver hides what it was written for, and nothing else.
func TestWaiverScope(t *testing.T) {
	priv := func(label string) func(*resource.Container) {
		return func(c *resource.Container) { c.Privileged, c.Labels = true, map[string]string{"for": label} }
	}
	s := rebuilt(t, nil, "", with("a", priv("x")), with("b", priv("y")), with("twice", priv("x")), with("twice", priv("y")),
		engineOf(func(e *resource.Engine) { e.LoggingDriver = "none" }),
		images(resource.Image{ID: "i", Tags: []string{"a:1"}}), pathMode("/run/docker.sock", 0o666, 0, 112))
	for name, c := range map[string]struct {
		waiver plans.Waiver
		judged string
		failed int
	}{
		"whole host":                         {plans.Waiver{Control: "privileged", Expires: "2026-11-20"}, "privileged", 0},
		"ended yesterday":                    {plans.Waiver{Control: "privileged", Expires: "2026-11-19"}, "privileged", 4},
		"another control":                    {plans.Waiver{Control: "seccomp", Expires: "2027-01-01"}, "privileged", 4},
		"a wildcard is no control":           {plans.Waiver{Control: "*", Expires: "2027-01-01"}, "privileged", 4},
		"by name":                            {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Container: "a"}}, "privileged", 3},
		"by wildcard":                        {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Container: "*"}}, "privileged", 0},
		"by label and value":                 {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Label: "for=x"}}, "privileged", 3},
		"by label":                           {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Label: "for"}}, "privileged", 0},
		"by a value in part":                 {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Label: "for="}}, "privileged", 4},
		"by image":                           {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Image: "busybox:*"}}, "privileged", 0},
		"all of a scope":                     {plans.Waiver{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Container: "a", Label: "for=y"}}, "privileged", 4},
		"a container's hides no daemon":      {plans.Waiver{Control: "log-driver", Expires: "2027-01-01", Scope: &plans.Scope{Container: "*"}}, "log-driver", 1},
		"a container's hides no file":        {plans.Waiver{Control: "docker-sock-mode", Expires: "2027-01-01", Scope: &plans.Scope{Container: "*", Image: "*"}}, "docker-sock-mode", 1},
		"an image":                           {plans.Waiver{Control: "image-healthcheck", Expires: "2027-01-01", Scope: &plans.Scope{Image: "a:*"}}, "image-healthcheck", 0},
		"a container's hides no image":       {plans.Waiver{Control: "image-healthcheck", Expires: "2027-01-01", Scope: &plans.Scope{Container: "*", Image: "*"}}, "image-healthcheck", 1},
		"a label is of no image":             {plans.Waiver{Control: "image-healthcheck", Expires: "2027-01-01", Scope: &plans.Scope{Label: "for", Image: "*"}}, "image-healthcheck", 1},
		"what is unknown cannot be accepted": {plans.Waiver{Control: "audit-running", Expires: "2027-01-01"}, "audit-running", 0},
	} {
		if c.judged == "audit-running" {
			s.Audit = resource.Unknown[resource.Audit]("needs root")
		}
		r := judge(t, s, &plans.Policy{Waivers: []plans.Waiver{c.waiver}}, c.judged)
		if r.Failed != c.failed || (r.Verdict == resource.Fails) != (c.failed > 0) || c.judged == "audit-running" && r.Verdict != resource.Unjudged {
			t.Errorf("%s: %s, %d fail, want %d: %v", name, r.Verdict, r.Failed, c.failed, r.Findings)
		}
	}
}

// Waivers that do not hold are findings of their own.
func TestWaiversAreJudged(t *testing.T) {
	bad := with("c", func(c *resource.Container) { c.Privileged = true })
	for name, c := range map[string]struct {
		waiver plans.Waiver
		only   string
		want   resource.Verdict
	}{
		"in use":                          {plans.Waiver{Control: "privileged", Expires: "2027-01-01"}, "privileged", resource.Holds},
		"ended":                           {plans.Waiver{Control: "privileged", Expires: "2026-01-01"}, "privileged", resource.Fails},
		"ended, of what was not judged":   {plans.Waiver{Control: "icc", Expires: "2026-01-01"}, "privileged", resource.Fails},
		"not in use":                      {plans.Waiver{Control: "icc", Expires: "2027-01-01"}, "privileged", resource.Holds},
		"no such control":                 {plans.Waiver{Control: "privilegd", Expires: "2027-01-01"}, "privileged", resource.Fails},
		"of a plan":                       {plans.Waiver{Control: "daemon-dns", Expires: "2027-01-01"}, "privileged", resource.Holds},
		"a prefix is no control":          {plans.Waiver{Control: "daemon-", Expires: "2027-01-01"}, "privileged", resource.Fails},
		"of a plan, without such a key":   {plans.Waiver{Control: "daemon-iccc", Expires: "2027-01-01"}, "privileged", resource.Fails},
		"a report of waivers, not waived": {plans.Waiver{Control: control.WaiverID, Expires: "2026-01-01"}, "privileged", resource.Fails},
	} {
		chosen, err := control.Select([]string{c.only}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := control.Judge(chosen, &plans.Policy{Waivers: []plans.Waiver{c.waiver}}, rebuilt(t, nil, "", bad))
		if r := all[len(all)-1]; r.ID != control.WaiverID || r.Verdict != c.want {
			t.Errorf("%s: %s %s, want %s: %v", name, r.ID, r.Verdict, c.want, r.Findings)
		}
	}
}

package control_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// hidden is a value of secrets; no name of a context looks like it.
const hidden = "c4n4ry with blanks"

// hide puts the value wherever a host keeps values.
func hide(s *resource.Snapshot, name string) {
	pairs := []string{name + "=" + hidden, "--" + name + "=" + hidden, "--" + name, hidden, "https://u:" + hidden + "@h/?" + name + "=x", name + hidden + "=x"}
	labels := map[string]string{name: hidden, "password": hidden, "env": hidden}
	s.Containers.Value = append(s.Containers.Value, resource.Container{
		Name: "hidden", Labels: labels, Spec: resource.Spec{Env: pairs, Command: pairs, LogOpts: labels},
	})
	s.Survey.Value.Images.Value = append(s.Survey.Value.Images.Value, resource.Image{
		ID: "hidden", Tags: []string{"hidden:1"}, Env: pairs, Labels: labels, History: append([]string{"ADD " + hidden, "RUN x=" + hidden + " apt-get update"}, pairs...),
	})
	s.Survey.Value.Listeners.Value = append(s.Survey.Value.Listeners.Value, resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 5000, PID: 3, Argv: append(pairs, "registry")})
	s.Survey.Value.Kubelet.Value.Argv = append(s.Survey.Value.Kubelet.Value.Argv, "--read-only-port="+hidden)
	s.Process.Value.Argv = append(s.Process.Value.Argv, "--iptables="+hidden, "--https-proxy="+hidden, "--log-opt="+name+"="+hidden)
}

// agree looks for contradictions within one report.
func agree(t *testing.T, r resource.ControlReport) {
	var fails, unknown, waived int
	for _, f := range r.Findings {
		switch {
		case f.Verdict == resource.Fails && f.Waiver != nil:
			waived++
		case f.Verdict == resource.Fails:
			fails++
		case f.Verdict == resource.Unjudged:
			unknown++
		default:
			t.Errorf("%s: a finding is %q", r.ID, f.Verdict)
		}
	}
	judged := r.Failed == fails && r.Waived == waived && r.Judged >= fails+waived
	verdict := map[resource.Verdict]bool{
		resource.Fails: fails > 0, resource.Unjudged: fails == 0, resource.ByHand: fails+unknown == 0,
		resource.Holds: fails+unknown == 0 && r.Judged > 0, resource.NoObject: fails+unknown+r.Judged == 0,
	}[r.Verdict]
	reason := (r.Reason == "") == (r.Verdict == resource.Holds || r.Verdict == resource.Fails)
	if !judged || !verdict || !reason {
		t.Errorf("%s contradicts itself: %+v", r.ID, r)
	}
}

// A snapshot is somebody's file: judging it does not panic, says the same each
// time, does not contradict itself, and shows no value.
func FuzzJudge(f *testing.F) {
	t := &testing.T{} // of the helpers, which fail for no host here
	for _, s := range []*resource.Snapshot{
		rebuilt(t, nil, ""), rebuilt(t, []string{"-H", "tcp://0.0.0.0:2375"}, `{"icc": false, "hosts": ["fd://"]}`, inSwarm, with("c", mount("/", true)), with("d", port("::", 80))),
		rebuilt(t, nil, `{"log-opts": {"syslog-address": "tcp://x"}}`, images(resource.Image{ID: "i", Tags: []string{"i:1"}, History: []string{"ADD x"}}), auditing("/etc/docker", "-w /etc -p wa"), unread),
	} {
		b, err := remediate.EncodeSnapshot(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "TOKEN")
	}
	f.Add([]byte(`{"format":1}`), "")
	policy := &plans.Policy{
		Waivers: []plans.Waiver{{Control: "privileged", Expires: "2027-01-01", Scope: &plans.Scope{Label: "x"}}, {Control: "icc", Expires: "2020-01-01"}},
		Images:  &plans.Images{Registries: []string{"docker.io"}, MaxAgeDays: 3, PipelinePaths: []string{"/x"}},
	}
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		s, err := remediate.DecodeSnapshot(b)
		if err != nil {
			return
		}
		hide(s, name)
		for _, p := range []*plans.Policy{nil, policy} {
			all := control.Judge(control.Catalogue(), p, s)
			for _, r := range all {
				agree(t, r)
			}
			for _, a := range control.Score(all) {
				if a.Score > 100 || a.Score < -1 || a.Score == 100 && a.Failed > 0 {
					t.Errorf("%s: score %d with %d that fail", a.ID, a.Score, a.Failed)
				}
			}
			once, _ := json.Marshal(all)
			again, _ := json.Marshal(control.Judge(control.Catalogue(), p, s))
			if !bytes.Equal(once, again) {
				t.Error("the second report is another")
			}
			if strings.Contains(string(once), hidden) || strings.Contains(string(once), "c4n4ry") && !strings.Contains(string(b)+name, "c4n4ry") {
				t.Errorf("a value is shown: %s", once)
			}
		}
	})
}

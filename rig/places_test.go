//go:build rig

package rig_test

import (
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// victim is a directory outside of what bulwark manages.
const victim = "/srv/victim"

const beforeTar = "/root/before.tar"

// A place is a host on which one place is not as bulwark wants it.
type place struct {
	policy     string // one of placePolicies
	set, unset string // shell; unset is what puts back what reset does not
	foreseen   bool   // plan tells it
	code       int    // of apply
	says       string // a regular expression, of apply and, if it is foreseen, of plan
}

// Of each kind one policy, so that nothing else is done in its stead.
var placePolicies = map[string]string{
	"daemon":  "daemon: {debug: true}\n",
	"seccomp": "seccomp: {deny: [ptrace]}\n",
	"userns":  "userns: {remap: dockremap}\n",
	"egress":  "egress: {allow: [{to: 192.0.2.1}]}\n",
}

type places struct {
	*sweepHost
	policy map[string]string // file of each
	env    string
	files  map[string]string // what must not be touched
}

func newPlaces(t *testing.T) *places {
	t.Helper()
	h := &places{sweepHost: newWholeHost(t), policy: map[string]string{}}
	for name, text := range placePolicies {
		h.policy[name] = "/root/" + name + ".yaml"
		h.write(h.policy[name], "version: 1\nname: "+name+"\n"+text)
	}
	h.shell("tar -C / --xattrs -cf " + beforeTar + " etc var/lib/bulwark")
	for path := range h.after {
		if strings.HasPrefix(path, "/etc/docker/seccomp/bulwark-") {
			h.env = "D=/etc/docker U=/etc/systemd/system S=/var/lib/bulwark V=" + victim + " P=" + filepath.Base(path) + "\n"
		}
	}
	return h
}

func (h *sweepHost) shell(script string) {
	h.Helper()
	if out, err := exec.Command("bash", "-ec", script).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// tries one place: plan tells it beforehand if it can, apply ends as it should,
// and nothing was touched.
func (h *places) tries(c place) {
	h.Helper()
	h.shell("rm -rf " + victim + "; mkdir -p " + victim)
	h.write(victim+"/daemon.json", "{\"labels\": [\"victim\"]}")
	h.shell(h.env + placeTools + c.set)
	h.files = h.outside()
	before := h.dump(true)
	if plan := bulwark("plan", "--policy", h.policy[c.policy]); c.foreseen && !regexp.MustCompile(`blocked .*`+c.says).MatchString(plan.out) {
		h.Errorf("%s: plan does not tell %s:\n%s", c.set, c.says, plan.out)
	}
	r := bulwark("apply", "--yes", "--retry", "--policy", h.policy[c.policy], "--settle", "0s")
	if r.code != c.code || !regexp.MustCompile(c.says).MatchString(r.out) {
		h.Errorf("%s: exit code %d, want %d and %s\n%s", c.set, r.code, c.code, c.says, r.out)
	}
	h.untouched(c.set)
	if r.code == 1 || r.code == 3 {
		h.clean(c.set)
	}
	if r.code == 0 {
		h.rollback()
	} else if diff := cmp.Diff(before, h.dump(true)); diff != "" {
		h.Errorf("%s: apply changed the host: %s", c.set, diff)
	}
	h.shell(h.env + c.unset)
	h.back(c.set)
}

// back brings the host back to before, and fails if bulwark left anything.
func (h *places) back(what string) {
	h.Helper()
	h.mustRun(recoverCommand...)
	h.clean(what)
	h.shell("tar -C / --xattrs -xpf " + beforeTar + " && systemctl daemon-reload")
	if diff := cmp.Diff(h.before, h.dump(true)); diff != "" {
		h.Fatalf("%s: the test did not clean up: %s", what, diff)
	}
}

// outside is all that lies in the victim's directory.
func (h *places) outside() map[string]string {
	h.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(victim, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all[path], err = dumpFile(path)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

func (h *places) untouched(what string) {
	h.Helper()
	if now := h.outside(); !maps.Equal(h.files, now) {
		h.Fatalf("%s: written outside: %s", what, cmp.Diff(h.files, now))
	}
}

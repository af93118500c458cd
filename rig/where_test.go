//go:build rig

package rig_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// condition gives stories [vm], true in a virtual machine, where the CPU is
// emulated and a restart of dockerd takes ten seconds.
func condition(name string) (bool, error) {
	if name == "vm" {
		return inVM()
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// inVM fails on a host that is neither of the rigs, so that no story is
// skipped by mistake.
func inVM() (bool, error) {
	out, err := exec.Command("systemd-detect-virt").Output()
	switch kind := strings.TrimSpace(string(out)); kind {
	case "systemd-nspawn":
		return false, nil
	case "qemu", "kvm", "oracle", "vmware", "microsoft": // ours, and what Vagrant runs on
		return true, nil
	default:
		return false, fmt.Errorf("cannot tell which rig this is: systemd-detect-virt says %q (%v)", kind, err)
	}
}

// containerOnly is the one reason for which a story may skip itself.
const containerOnly = "[vm] skip 'container rig only: "

// inVMs are the stories that run in the virtual machines too: one of each
// proof that a real kernel, PID 1 or engine version could break.
var inVMs = []string{"rig", "cycle", "strict", "refused", "readonly", "egress", "egress_restart", "seccomp"}

// vmOnly is the one reason for which a story may skip itself on the container
// rig, and onlyVMs are those that do: what no container has.
const vmOnly = "[!vm] skip 'VM only: "

var onlyVMs = []string{"audit", "prove_vm", "prove_strict"}

// setup brings the host back for the next story; for one that will skip
// itself, that would be a minute of restarts for nothing.
func setup(env *testscript.Env) error {
	vm, err := inVM()
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	if vm && !slices.Contains(inVMs, name) && !slices.Contains(onlyVMs, name) || !vm && slices.Contains(onlyVMs, name) {
		return nil
	}
	return resetHost()
}

// Every story runs on the container rig, but for onlyVMs. In the VMs run those
// listed above, and the others say in their first line why they do not.
func TestSkips(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) < len(inVMs) {
		t.Fatalf("found %d stories: %v", len(files), err)
	}
	everywhere := map[string]bool{}
	for _, name := range inVMs {
		everywhere[name] = true
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		script, _, _ := strings.Cut(string(data), "\n-- ")
		skips := strings.Count(script, "skip")
		vm := slices.Contains(onlyVMs, name)
		switch {
		case vm && (skips != 1 || !strings.HasPrefix(script, vmOnly)):
			t.Errorf("%s must begin with %s...', and skip for nothing else", name, vmOnly)
		case vm:
		case everywhere[name] && skips > 0:
			t.Errorf("%s must run in the VMs, but may skip", name)
		case !everywhere[name] && (skips != 1 || !strings.HasPrefix(script, containerOnly)):
			t.Errorf("%s must begin with %s...', and skip for nothing else", name, containerOnly)
		}
		delete(everywhere, name)
	}
	for name := range everywhere {
		t.Errorf("story %s is missing", name)
	}
}

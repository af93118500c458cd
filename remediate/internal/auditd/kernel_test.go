package auditd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/auditd"
	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// mark is on throw-away hosts only: these tests change the rules of the kernel
// that they run on, of which there is one.
const mark = "/run/bulwark-rig"

// TestStep: a thousand rules of others, some before and some behind ours, are
// there byte by byte in their order after the swap and after the undo.
func TestStep(t *testing.T) {
	ownKernel(t)
	ctx := context.Background()
	before, after := ours(t, "1", "2", "3"), ours(t, "1", "3", "4")
	add(t, foreign(t, 1, 500))
	add(t, before)
	add(t, foreign(t, 501, 500))
	_, theirs := split(kernel(t).Rules, before)
	if len(theirs) != 1000 {
		t.Fatalf("there are %d rules of others", len(theirs))
	}
	want := func(what string, wanted []resource.AuditRule) {
		t.Helper()
		own, others := split(kernel(t).Rules, append(slices.Clone(before), after...))
		if !auditrules.Same(own, wanted) {
			t.Errorf("%s: ours are\n%snot\n%s", what, texts(own), texts(wanted))
		}
		if !auditrules.Same(others, theirs) {
			t.Errorf("%s: those of others have changed", what)
		}
	}
	step := &auditd.Step{}
	payload := encode(t, auditrules.Payload{Before: before, After: after})
	done, err := step.Do(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	want("after", after)
	if _, err := step.Do(ctx, payload); err != nil {
		t.Fatal(err)
	}
	want("again", after)
	for _, info := range []txn.UndoInfo{{Did: true, Done: done, SameBoot: true}, {Did: true, SameBoot: true}} {
		if err := step.Restore(ctx, payload, info); err != nil {
			t.Fatal(err)
		}
		want("undone", before)
	}
	if len(step.Notes) != 1 || !strings.Contains(step.Notes[0], "behind those of others until the next boot") {
		t.Errorf("notes: %q", step.Notes)
	}
}

// TestRestoreNothing: what was not begun, or was another boot's, is not touched.
func TestRestoreNothing(t *testing.T) {
	ownKernel(t)
	after := ours(t, "1")
	add(t, after)
	payload := encode(t, auditrules.Payload{After: after})
	for _, info := range []txn.UndoInfo{{}, {SameBoot: true}, {Did: true}, {Did: true, SameBoot: true, Boot: true}} {
		if err := (&auditd.Step{}).Restore(context.Background(), payload, info); err != nil {
			t.Error(err)
		}
	}
	if got := kernel(t).Rules; !auditrules.Same(got, after) {
		t.Errorf("the kernel has\n%s", texts(got))
	}
}

// TestLists: the kernel lists its lists one after the other, whatever the order
// in which rules were added.
func TestLists(t *testing.T) {
	ownKernel(t)
	after := lines(t, "-a always,exclude -F msgtype=CWD -F uid=7", "-w /etc/ours -p wa -k bulwark-a", "-a never,task -F uid=7")
	payload := encode(t, auditrules.Payload{After: after})
	if _, err := (&auditd.Step{}).Do(context.Background(), payload); err != nil {
		t.Fatal(err)
	}
	if got := kernel(t).Rules; !auditrules.Same(got, auditrules.Sorted(after)) {
		t.Errorf("the kernel has\n%s", texts(got))
	}
}

// TestFails: a rule that the kernel refuses ends the step; the undo leaves what
// was before.
func TestFails(t *testing.T) {
	ownKernel(t)
	ctx := context.Background()
	before := ours(t, "1")
	add(t, before)
	dir := t.TempDir()
	after := append(ours(t, "2"), lines(t, "-a always,exit -F path="+dir+"/below/file -F perm=wa -F key=bulwark-x", "-w "+dir+" -p wa -k bulwark-y")...)
	payload := encode(t, auditrules.Payload{Before: before, After: after})
	step := &auditd.Step{}
	if _, err := step.Do(ctx, payload); err == nil || !strings.Contains(err.Error(), "below/file -p wa -k bulwark-x: the kernel says that something it names does not exist") {
		t.Errorf("the error is %v", err)
	}
	if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, SameBoot: true}); err != nil {
		t.Fatal(err)
	}
	if got := kernel(t).Rules; !auditrules.Same(got, before) {
		t.Errorf("the kernel has\n%s", texts(got))
	}
}

// TestGone: a watched directory that is removed takes its rule with it, and the
// undo does not fail for it.
func TestGone(t *testing.T) {
	ownKernel(t)
	ctx := context.Background()
	dir := t.TempDir() + "/d"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	before := append(lines(t, "-w "+dir+" -p wa -k bulwark-d"), ours(t, "1")...)
	add(t, before)
	payload := encode(t, auditrules.Payload{Before: before, After: ours(t, "2")})
	step := &auditd.Step{}
	done, err := step.Do(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, Done: done, SameBoot: true}); err != nil {
		t.Fatal(err)
	}
	if got := kernel(t).Rules; !auditrules.Same(got, before[1:]) || len(step.Notes) != 1 {
		t.Errorf("the kernel has\n%s, notes %q", texts(got), step.Notes)
	}
}

// TestEnable: the step switches recording on, and its undo off again only if it
// was the step.
func TestEnable(t *testing.T) {
	ownKernel(t)
	ctx := context.Background()
	was := kernel(t).Enabled
	t.Cleanup(func() { _ = host.SetAuditEnabled(ctx, was == resource.AuditOn) })
	after := ours(t, "1")
	payload := encode(t, auditrules.Payload{After: after, Enable: true})
	for _, before := range []uint32{resource.AuditOff, resource.AuditOn} {
		if err := host.SetAuditEnabled(ctx, before == resource.AuditOn); err != nil {
			t.Fatal(err)
		}
		step := &auditd.Step{}
		done, err := step.Do(ctx, payload)
		if err != nil || kernel(t).Enabled != resource.AuditOn {
			t.Errorf("from %d: enabled is %d, %v", before, kernel(t).Enabled, err)
		}
		for range 2 {
			if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, Done: done, SameBoot: true}); err != nil {
				t.Fatal(err)
			}
			if k := kernel(t); k.Enabled != before || len(k.Rules) != 0 {
				t.Errorf("back to %d: enabled is %d, rules\n%s", before, k.Enabled, texts(k.Rules))
			}
		}
	}
}

// TestKilled: a step that is killed at any point is taken back by another
// process; so is an undo that is killed.
func TestKilled(t *testing.T) {
	ownKernel(t)
	ctx := context.Background()
	var names, more []string
	for i := range 100 {
		names, more = append(names, fmt.Sprint(i)), append(more, fmt.Sprint(50+i))
	}
	before, after := ours(t, names...), ours(t, more...)
	add(t, foreign(t, 1, 100))
	add(t, before)
	_, theirs := split(kernel(t).Rules, before)
	payload := encode(t, auditrules.Payload{Before: before, After: after})
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	half := 0
	for i := range 20 {
		verb := []string{"do", "restore"}[i%2]
		child(t, verb, file, time.Duration(1+i)*20*time.Millisecond)
		own, others := split(kernel(t).Rules, append(slices.Clone(before), after...))
		if !auditrules.Same(others, theirs) {
			t.Fatalf("killed in %s: the rules of others have changed", verb)
		}
		if !auditrules.Same(own, before) && !auditrules.Same(own, after) {
			half++
		}
		if verb == "do" {
			continue // the next child is killed in the undo of this
		}
		if err := (&auditd.Step{}).Restore(ctx, payload, txn.UndoInfo{Did: true, SameBoot: true}); err != nil {
			t.Fatal(err)
		}
		own, others = split(kernel(t).Rules, append(slices.Clone(before), after...))
		if !auditrules.Same(own, before) || !auditrules.Same(others, theirs) {
			t.Fatalf("killed: ours are\n%s", texts(own))
		}
	}
	if half == 0 {
		t.Error("no child was killed half-way: the test proves nothing")
	}
	t.Logf("%d of 20 were killed half-way", half)
}

// child runs one half of the step in a process of its own and kills it.
func child(t *testing.T, verb, payload string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "BULWARK_AUDIT_CHILD="+verb, "BULWARK_AUDIT_PAYLOAD="+payload)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // it begins to change rules
	time.Sleep(after)
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
}

// TestChild is the process that TestKilled kills.
func TestChild(t *testing.T) {
	verb := os.Getenv("BULWARK_AUDIT_CHILD")
	if verb == "" {
		return
	}
	payload, err := os.ReadFile(os.Getenv("BULWARK_AUDIT_PAYLOAD"))
	if err != nil {
		t.Fatal(err)
	}
	step := &auditd.Step{Progress: func(what string) { fmt.Println(what) }}
	if verb == "do" {
		_, err = step.Do(context.Background(), payload)
	} else {
		err = step.Restore(context.Background(), payload, txn.UndoInfo{Did: true, SameBoot: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestMany: a list of ten thousand rules comes whole.
func TestMany(t *testing.T) {
	ownKernel(t)
	n := 10000
	if testing.Short() {
		n = 2000
	}
	var all []string
	for i := range n {
		// By inode, since of others the kernel compares each with all before it.
		all = append(all, fmt.Sprintf("-a always,exit -F arch=b64 -S mount -F inode=%d -F key=%s", i, strings.Repeat("k", 200)))
	}
	begun := time.Now()
	want := lines(t, all...)
	t.Logf("parsed %d rules in %s", n, time.Since(begun))
	begun = time.Now()
	add(t, want)
	t.Logf("added them in %s", time.Since(begun))
	begun = time.Now()
	got := kernel(t).Rules
	t.Logf("read them in %s", time.Since(begun))
	if !auditrules.Same(got, want) {
		t.Errorf("of %d rules %d were read", n, len(got))
	}
}

// TestLocked makes the rules of this kernel unchangeable until its next boot,
// and so runs when it is asked for, as the last.
func TestLocked(t *testing.T) {
	if os.Getenv("BULWARK_LOCK_AUDIT") == "" {
		t.Skip("it would lock the kernel's rules (BULWARK_LOCK_AUDIT=1)")
	}
	ownKernel(t)
	ctx := context.Background()
	before, after := ours(t, "1"), ours(t, "2")
	add(t, before)
	payload := encode(t, auditrules.Payload{Before: before, After: after})
	if out, err := exec.Command("auditctl", "-e", "2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	step := &auditd.Step{}
	if _, err := step.Do(ctx, payload); err == nil || err.Error() != "cannot load audit rules: the kernel's audit rules are locked until the next boot (enabled 2)" {
		t.Errorf("Do: %v", err)
	}
	info := txn.UndoInfo{Did: true, SameBoot: true}
	if err := step.Restore(ctx, payload, info); err != nil {
		t.Errorf("there is nothing to undo, but %v", err)
	}
	other := encode(t, auditrules.Payload{Before: after, After: before})
	if err := step.Restore(ctx, other, info); err == nil || !strings.Contains(err.Error(), "cannot put the audit rules back: the kernel's audit rules are locked until the next boot") {
		t.Errorf("Restore: %v", err)
	}
	for _, err := range []error{
		host.AddAuditRule(ctx, after[1]), host.DeleteAuditRule(ctx, before[1]), host.SetAuditEnabled(ctx, false),
	} {
		if err == nil || !strings.Contains(err.Error(), "locked until the next boot (-e 2)") {
			t.Errorf("the kernel's refusal: %v", err)
		}
	}
	if got := kernel(t).Rules; !auditrules.Same(got, before) {
		t.Errorf("the kernel has\n%s", texts(got))
	}
}

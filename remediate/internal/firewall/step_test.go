package firewall_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestStep: what was before is back to the letter, DOCKER-USER that was not
// there included, also if Do was killed on its way.
func TestStep(t *testing.T) {
	ctx := context.Background()
	eachBackend(t, func(t *testing.T, b backend) {
		scratch.Shell(t, "iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-legacy -P FORWARD ACCEPT; ip6tables-nft -P FORWARD ACCEPT; ip6tables-legacy -P FORWARD ACCEPT")
		bare := kernel(t)
		step := &firewall.Step{}
		payload := encode(t, ruleset.Payload{After: b.rules(3)})
		done, err := step.Do(ctx, payload)
		if err != nil {
			t.Fatal(err)
		}
		wantOwn(t, b.rules(3))
		for range 2 { // undo may be run again
			if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, Done: done, SameBoot: true}); err != nil {
				t.Fatal(err)
			}
			if now := kernel(t); now != bare {
				t.Errorf("before\n%s\nafter\n%s", bare, now)
			}
		}
		if _, err := step.Do(ctx, payload); err != nil {
			t.Fatal(err)
		}
		if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, SameBoot: true}); err != nil { // Do was killed before it returned
			t.Fatal(err)
		}
		if now := kernel(t); now != bare {
			t.Errorf("killed: before\n%s\nafter\n%s", bare, now)
		}
	})
}

// TestStepFromRules: the undo of a change of rules brings the old ones back,
// and keeps a DOCKER-USER that was there or is used by now.
func TestStepFromRules(t *testing.T) {
	ctx := context.Background()
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		load(t, b.rules(1))
		before := kernel(t)
		step := &firewall.Step{}
		payload := encode(t, ruleset.Payload{Before: own(t), After: b.rules(2)})
		done, err := step.Do(ctx, payload)
		if err != nil {
			t.Fatal(err)
		}
		if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, Done: done, Boot: true}); err != nil {
			t.Fatal(err)
		}
		wantOwn(t, b.rules(2)) // early in a boot nothing is done: the loader comes later
		// A recovery after the loader, which has loaded the record of the change.
		if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, Done: done}); err != nil {
			t.Fatal(err)
		}
		if now := kernel(t); now != before {
			t.Errorf("before\n%s\nafter\n%s", before, now)
		}
	})
}

// TestStepKeepsUsedDockerUser: dockerd has started meanwhile and jumps to the
// chain that Do made.
func TestStepKeepsUsedDockerUser(t *testing.T) {
	ctx := context.Background()
	for _, b := range backends[:2] {
		t.Run(b.String(), func(t *testing.T) {
			scratch.Netns(t)
			step := &firewall.Step{}
			payload := encode(t, ruleset.Payload{After: b.rules(1)})
			done, err := step.Do(ctx, payload)
			if err != nil {
				t.Fatal(err)
			}
			scratch.Shell(t, "iptables-"+b.variant+" -I FORWARD -j DOCKER-USER; ip6tables-"+b.variant+" -A DOCKER-USER -j RETURN")
			if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, SameBoot: true, Done: done}); err != nil {
				t.Fatal(err)
			}
			scratch.Shell(t, "iptables-"+b.variant+" -C FORWARD -j DOCKER-USER; ip6tables-"+b.variant+" -C DOCKER-USER -j RETURN")
		})
	}
}

// TestFailure: rules that the kernel refuses are an error that says why, and
// the undo leaves the rules of before.
func TestFailure(t *testing.T) {
	ctx := context.Background()
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		load(t, b.rules(1))
		before := kernel(t)
		bad := b.rules(2)
		first := &bad[0].Tables[0]
		for i := range first.Chains {
			first.Chains[i].Rules = append(first.Chains[i].Rules, map[string]string{
				resource.BackendIPTables: "-j NOSUCHTARGET", resource.BackendNFTables: "jump nosuchchain",
			}[b.name])
		}
		if err := firewall.Validate(ctx, bad); err == nil || !strings.Contains(strings.ToLower(err.Error()), "nosuch") && !strings.Contains(err.Error(), "line ") {
			t.Errorf("validation says %v", err)
		}
		if now := kernel(t); now != before {
			t.Errorf("validation left a trace: before\n%s\nafter\n%s", before, now)
		}
		step := &firewall.Step{}
		payload := encode(t, ruleset.Payload{Before: b.rules(1), After: bad})
		if _, err := step.Do(ctx, payload); err == nil {
			t.Error("bad rules were loaded")
		}
		if err := step.Restore(ctx, payload, txn.UndoInfo{Did: true, SameBoot: true}); err != nil {
			t.Fatal(err)
		}
		if now := kernel(t); now != before {
			t.Errorf("before\n%s\nafter\n%s", before, now)
		}
	})
}

// TestValidate: good rules pass, with no trace.
func TestValidate(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		before := kernel(t)
		for _, n := range []int{0, 5, 1000} {
			if err := firewall.Validate(context.Background(), b.rules(n)); err != nil {
				t.Error(err)
			}
		}
		if now := kernel(t); now != before {
			t.Errorf("before\n%s\nafter\n%s", before, now)
		}
	})
}

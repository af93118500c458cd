package kinds

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/seccomp"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// profileKey is the key of daemon.json that the section seccomp sets.
const profileKey = "seccomp-profile"

type seccompKind struct{ seccomp.Kind }

func (k seccompKind) Observe(ctx context.Context, p *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	if p != nil && seccompWant(p) == nil {
		s.Seccomp = resource.Unknown[resource.Seccomp](resource.NotAsked)
		return
	}
	k.Kind.Observe(ctx, seccompWant(p), r, s)
}

// Diff writes the file also where daemon.json, which names it already, cannot be
// served: without it dockerd does not start again.
func (k seccompKind) Diff(p *plans.Policy, s *resource.Snapshot, except []string) resource.Result {
	want := seccompWant(p)
	if slices.Contains(except, seccomp.Control) {
		path, ok := k.Key(want, s)
		if !ok || path == "" || seccomp.NamedBy(s.DaemonJSON.Value.Content) != path {
			return resource.Result{}
		}
	}
	return k.Kind.Diff(want, s)
}

// seccompWant translates the policy's section; nil means not managed.
func seccompWant(p *plans.Policy) *seccomp.Want {
	if p == nil {
		return nil
	}
	if p.Seccomp == nil {
		return namedProfile(p)
	}
	c := p.Seccomp
	return &seccomp.Want{
		Pinned: c.Base == "pinned", Deny: c.Deny, Allow: c.Allow, File: c.File, DefaultAllow: c.AcceptDefaultAllow,
		Origin: p.Origin("seccomp"),
	}
}

// namedProfile is one that the policy names by daemon.json's own key.
func namedProfile(p *plans.Policy) *seccomp.Want {
	path := daemonKey[string](p, profileKey)
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	return &seccomp.Want{Named: path, Origin: p.Origin("daemon." + profileKey)}
}

// profileWanted is the key of daemon.json that names the profile, if it can be
// told which one that is.
func profileWanted(k seccomp.Kind, p *plans.Policy, s *resource.Snapshot) []resource.DaemonKey {
	want := seccompWant(p)
	if want == nil || want.Named != "" {
		return nil
	}
	path, ok := k.Key(want, s)
	if !ok {
		return nil
	}
	key := resource.DaemonKey{Key: profileKey, Control: seccomp.Control, Source: want.Origin}
	if path != "" {
		key.Value, _ = json.Marshal(path) // a string always marshals
	}
	return []resource.DaemonKey{key}
}

// formerKind takes away the profile that daemon.json no longer names. It is
// apart, because it must stand behind daemon.json in the order.
type formerKind struct{ seccomp.Kind }

func (formerKind) Observe(context.Context, *plans.Policy, resource.Reader, *resource.Snapshot) {}

func (k formerKind) Diff(p *plans.Policy, s *resource.Snapshot, _ []string) resource.Result {
	return resource.Result{Changes: k.Leftover(seccompWant(p), s)}
}

// keepNamed takes out of a plan each deletion of a profile that daemon.json will
// still name: dockerd would not start again.
func keepNamed(changes []resource.Change, s *resource.Snapshot, daemonJSON string) []resource.Change {
	content := s.DaemonJSON.Value.Content
	for _, c := range changes {
		if c.Path == daemonJSON {
			content = c.Content
		}
	}
	named := seccomp.NamedBy(content)
	return slices.DeleteFunc(changes, func(c resource.Change) bool {
		return c.Kind == seccomp.Control && c.Action == resource.Delete && c.Path == named
	})
}

// SeccompProfile returns the profile that a policy with the section leads to,
// nil for the engine's own, or says why there is none.
func SeccompProfile(p *plans.Policy, s *resource.Snapshot) ([]byte, *resource.ControlResult) {
	return seccomp.Kind{}.Profile(seccompWant(p), s)
}

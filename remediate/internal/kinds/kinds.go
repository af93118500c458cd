// Package kinds lists the kinds of host resource in the order in which a
// transaction changes them, and joins what each wants into one result.
package kinds

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/seccomp"
	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Kind observes its part of the host and says how it differs from a policy.
type Kind interface {
	Name() string
	// Observe fills the kind's own section of the snapshot and no other. p
	// says what will be asked of it; nil is everything.
	Observe(ctx context.Context, p *plans.Policy, r resource.Reader, s *resource.Snapshot)
	// Diff is pure. except holds controls that another kind cannot serve on
	// this host: what belongs to them alone is left out.
	Diff(p *plans.Policy, s *resource.Snapshot, except []string) resource.Result
}

// All returns the kinds in order; the order of their changes is the order in
// which files are replaced. Accounts come first: when daemon.json names an
// account, it must exist, or dockerd does not start; so must a seccomp profile,
// and one that it named before may go only afterwards. Rules come last: their
// file is only a record, and the step that loads them comes before dockerd's.
// Limits come after what may fail for other reasons and before a restart of
// dockerd, which a restart policy decides about: they have no file at all.
// Audit is the very last: it watches files that the others make, and the
// kernel refuses to watch what is not there.
func All(daemonJSON string) []Kind {
	profile := seccomp.Kind{DaemonJSON: daemonJSON}
	return []Kind{
		subidKind{},
		seccompKind{profile},
		daemonKind{daemonjson.Kind{Path: daemonJSON}, profile},
		formerKind{profile},
		egressKind{},
		limitsKind{},
		auditKind{audit.Kind{DaemonJSON: daemonJSON}},
	}
}

type subidKind struct{ subid.Kind }

func (k subidKind) Observe(ctx context.Context, _ *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	k.Kind.Observe(ctx, r, s)
}

func (k subidKind) Diff(p *plans.Policy, s *resource.Snapshot, except []string) resource.Result {
	want := usernsWant(p)
	if want == nil || slices.Contains(except, want.Control) {
		return resource.Result{}
	}
	return k.Kind.Diff(want, s)
}

// usernsControl is the control that accounts and daemon.json serve together.
const usernsControl = "userns-remap"

// usernsWant translates the policy's section; nil means not managed.
func usernsWant(p *plans.Policy) *subid.Want {
	u := p.Userns
	if u == nil {
		return nil
	}
	w := &subid.Want{
		Account: u.Remap, Off: u.Remap == plans.Off, Size: uint32(u.Size), Control: usernsControl,
		ContainerdSnapshotter: snapshotter(p),
	}
	if u.Start != 0 {
		start := uint32(u.Start)
		w.Start = &start
	}
	return w
}

// snapshotter is features.containerd-snapshotter of the policy: dockerd 29
// refuses to start with it and userns-remap.
func snapshotter(p *plans.Policy) *bool {
	var features map[string]*bool
	if err := json.Unmarshal(p.Daemon["features"], &features); err != nil {
		return nil
	}
	return features["containerd-snapshotter"]
}

type daemonKind struct {
	daemonjson.Kind
	profile seccomp.Kind
}

func (k daemonKind) Observe(ctx context.Context, _ *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	k.Kind.Observe(ctx, r, s)
}

func (k daemonKind) Diff(p *plans.Policy, s *resource.Snapshot, except []string) resource.Result {
	keys := append(p.DaemonKeys(), profileWanted(k.profile, p, s)...)
	keys = slices.DeleteFunc(keys, func(d resource.DaemonKey) bool { return slices.Contains(except, d.Control) })
	return k.Kind.Diff(keys, s)
}

// Diff asks every kind and joins the results. A control that one kind cannot
// serve is served by none: an account without the daemon.json key that names
// it, or the key without the account, would be half a change.
func Diff(p *plans.Policy, s *resource.Snapshot, daemonJSON string) resource.Result {
	r := diff(All(daemonJSON), p, s)
	r.Changes = keepNamed(r.Changes, s, daemonJSON)
	return r
}

// diff leaves out what a control needs that one kind cannot serve.
func diff(all []Kind, p *plans.Policy, s *resource.Snapshot) resource.Result {
	whole := join(all, p, s, nil)
	except := stuck(whole)
	if len(except) == 0 {
		return whole
	}
	rest := join(all, p, s, except)
	for _, c := range whole.Controls {
		if slices.Contains(except, c.ID) {
			rest.Controls = addControl(rest.Controls, c)
		}
	}
	sortControls(rest.Controls)
	return rest
}

// stuck returns the controls that cannot be brought about here.
func stuck(r resource.Result) []string {
	var ids []string
	for _, c := range r.Controls {
		if c.Status == resource.Blocked || c.Status == resource.Unread {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func usernsSize(p *plans.Policy) uint32 {
	if p.Userns == nil {
		return subid.MinSize
	}
	return uint32(p.Userns.Size)
}

func join(all []Kind, p *plans.Policy, s *resource.Snapshot, except []string) resource.Result {
	var out resource.Result
	for _, k := range all {
		r := diffAfter(k, p, s, except, out.Changes)
		out.Changes = append(out.Changes, r.Changes...)
		out.Operations = append(out.Operations, r.Operations...)
		out.Impacts = append(out.Impacts, r.Impacts...)
		for _, c := range r.Controls {
			out.Controls = addControl(out.Controls, c)
		}
		out.Service = mergeService(out.Service, r.Service)
	}
	if why := subid.Moved(s); why != "" && out.Service.Action == resource.Restart && !out.Service.DataRootMoves {
		out.Service.DataRootMoves, out.Service.StopContainers, out.Service.LiveRestoreFirst = true, true, false
		out.Impacts = append(out.Impacts, resource.Impact{Level: "irreversible", Text: why})
	}
	if out.Service.DataRootMoves {
		out.Impacts = append(out.Impacts, subid.Impacts(s, usernsSize(p))...)
	}
	for _, section := range unserved(p) {
		out.Controls = addControl(out.Controls, resource.ControlResult{
			ID: section, Status: resource.Unread,
			Reason: "the policy asks for it, but this version of bulwark neither checks nor changes it",
		})
	}
	for _, section := range judged(p) {
		out.Controls = addControl(out.Controls, resource.ControlResult{
			ID: section, Status: resource.Manual,
			Reason: "apply changes nothing of it: bulwark check judges it",
			Remedy: "bulwark check --policy " + p.Source,
		})
	}
	markGeneric(out.Impacts)
	sortControls(out.Controls)
	return out
}

// markGeneric finds the notes that are about keys as such: they are the same
// on every host, and a plan in words folds them.
func markGeneric(all []resource.Impact) {
	about := map[string]bool{}
	for _, k := range daemonjson.Keys() {
		about[k.Name+": "+k.Note] = true
	}
	for i := range all {
		all[i].Generic = all[i].Level == resource.NoteImpact && about[all[i].Text]
	}
}

// unserved lists the sections of a policy that no kind acts on yet. They must
// show: a plan that passes over them would claim a safety that is not there.
func unserved(p *plans.Policy) []string {
	var names []string
	for _, section := range []struct {
		name  string
		given bool
	}{
		{"units", p.Units != nil},
	} {
		if section.given {
			names = append(names, section.name)
		}
	}
	return names
}

// judged lists the sections of a policy that only check reads.
func judged(p *plans.Policy) []string {
	var names []string
	for _, section := range []struct {
		name  string
		given bool
	}{
		{"patch", p.Patch != nil},
		{"contexts", p.Contexts != nil},
		{"secrets", p.Secrets != nil},
		{"images", p.Images != nil},
		{"immutable", p.Immutable != nil},
		{"logging", p.Logging != nil},
		{"management", p.Management != nil},
	} {
		if section.given {
			names = append(names, section.name)
		}
	}
	return names
}

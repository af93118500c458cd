package audit

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const isImage = "this is an image: it has no running kernel"

// Observe fills Audit. It asks what lies at each path that a group of rules may
// watch: with daemon.json as it is, with the keys that a policy gives it, and at
// the paths of the policy's own rules.
func (k Kind) Observe(ctx context.Context, r resource.Reader, s *resource.Snapshot, keys map[string]json.RawMessage, rules []Rule) {
	if r.Root() != "/" {
		s.Audit = resource.Unknown[resource.Audit](isImage)
		return
	}
	a, err := r.Audit(ctx, k.candidates(r, s, keys, rules))
	if err != nil {
		s.Audit = resource.Unknown[resource.Audit](err.Error())
		return
	}
	a.Journal = journal(ctx, r)
	s.Audit = resource.Known(a)
}

// journal asks systemd for the settings of journald. Where there is none, there
// is no journald either.
func journal(ctx context.Context, r resource.Reader) []resource.AuditSetting {
	out, err := r.Query(ctx, "/usr/bin/systemd-analyze", "--no-pager", "cat-config", "systemd/journald.conf")
	if err != nil {
		return nil
	}
	all := parseJournald(out)
	if len(all) == 0 {
		all = append(all, resource.AuditSetting{Value: "no", Origin: "the default of this systemd is not known", Default: true})
	}
	return all
}

// candidates are all paths that rules may name, and their directories.
func (k Kind) candidates(r resource.Reader, s *resource.Snapshot, keys map[string]json.RawMessage, rules []Rule) []string {
	var config []byte
	if f, err := r.File(k.DaemonJSON); err == nil {
		config = f.Content
	}
	is := siteOf(s, k.DaemonJSON, config)
	will := is
	will.config = maps.Clone(is.config)
	if will.config == nil {
		will.config = map[string]json.RawMessage{}
	}
	maps.Copy(will.config, keys)
	all := slices.Concat(helpers, ownPaths(rules))
	for _, t := range []site{is, will} {
		for _, w := range slices.Concat(files(t), identities(t)) {
			all = append(all, w.path)
		}
		all = append(all, t.sockets()...)
	}
	all = append(all, containerdSocket)
	for _, p := range all {
		all = append(all, path.Dir(p))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ownPaths are those that the policy's own rules name.
func ownPaths(rules []Rule) []string {
	var text []byte
	for _, r := range rules {
		text = append(append(text, r.Text...), '\n')
	}
	return auditrules.Paths([]resource.File{{Content: text}})
}

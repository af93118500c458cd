package subid

import (
	"fmt"
	"path"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// faults are what is wrong with the ranges of the account.
type faults struct {
	// grave ones leave containers broken or unseparated; they are repaired
	// even if the data root moves by it.
	grave []string
	// light ones are left to a person if the data root would move.
	light []string
}

func (f *faults) add(list *[]string, format string, args ...any) {
	*list = append(*list, fmt.Sprintf(format, args...))
}

// ranges keeps a safe setup, and else replaces the account's lines by one
// equal line in both files.
func (p *plan) ranges() *resource.ControlResult {
	if size := p.want.size(); size < MinSize {
		return resource.Block("ask for 65536 or more", "cannot use a range of %d ids: containers need at least %d", size, MinSize)
	}
	f := p.faults()
	uid, gid, live := p.remapped()
	if len(f.grave)+len(f.light) == 0 {
		return p.edited(uid, gid, live)
	}
	r, refused := p.choose()
	if refused != nil {
		return refused
	}
	moves := live && (r.Start != uid || r.Start != gid)
	if refused := p.mayReplace(f, r, moves); refused != nil {
		return refused
	}
	p.replace(r)
	p.why = slices.Concat(p.why, f.grave, f.light)
	e, asked := p.s.Engine.Get()
	switch {
	case live:
		p.announce(r, fmt.Sprintf("%d.%d", uid, gid), moves)
	case asked && p.configured(): // as with a range at 0: accepted, and user namespaces stay off
		p.announce(r, path.Base(e.RootDir), true)
	}
	return nil
}

// Moved says why any restart of the daemon would move its data root, "" if none
// would: somebody has edited the ranges of the account that it is remapped to.
func Moved(s *resource.Snapshot) string {
	account := daemonJSON(s).Remap
	for _, f := range s.Flags.Value {
		if f.Name == "userns-remap" {
			account = f.Value
		}
	}
	p := &plan{want: Want{Account: account}, s: s}
	if account == "" || p.read() != nil || p.subject() != nil {
		return ""
	}
	if r := p.edited(p.remapped()); r != nil {
		return r.Reason
	}
	return ""
}

// edited judges ranges that are safe by themselves, but are not those that the
// daemon runs with: somebody has edited them since its start.
func (p *plan) edited(uid, gid uint32, live bool) *resource.ControlResult {
	u, g := p.root()
	e, asked := p.s.Engine.Get()
	if !asked || !live || u == uid && g == gid {
		return nil
	}
	return &resource.ControlResult{
		Status: resource.Manual,
		Reason: fmt.Sprintf("dockerd runs mapped to %d.%d, but the ranges of %s now begin at %d.%d: at its next start the data root moves, and all in %s goes out of sight",
			uid, gid, p.name, u, g, e.RootDir),
		Remedy: fmt.Sprintf("put the lines of %s in %s and %s back, or restart dockerd when its containers may go", p.name, subuidPath, subgidPath),
	}
}

// mayReplace leaves to a person what costs more than it mends.
func (p *plan) mayReplace(f faults, r Range, moves bool) *resource.ControlResult {
	reasons := slices.Concat(f.grave, f.light)
	switch {
	case moves && len(f.grave) == 0:
		return &resource.ControlResult{
			Status: resource.Manual, Reason: fmt.Sprintf("%s; one equal range (%v) would move the data root of a daemon in use", join(reasons), r),
			Remedy: fmt.Sprintf("take %s's lines out of %s and %s yourself when its containers and images may go, then plan again", p.name, subuidPath, subgidPath),
		}
	case p.person() && len(p.own(subuidPath))+len(p.own(subgidPath)) > 0:
		return resource.Block(`use "default", or correct the lines by hand`,
			"%s; the lines of %s are not replaced, because its rootless containers live in them", join(reasons), p.name)
	}
	return nil
}

// own returns the lines of the account, in file order.
func (p *plan) own(path string) []Entry {
	return slices.DeleteFunc(slices.Clone(p.entries[path]), func(e Entry) bool { return !p.owns(e) })
}

// mapping returns the ranges as dockerd concatenates them, in file order: from
// 28 on all lines of the account, to 27 those keyed by uid and only without
// any of these the ones keyed by name.
func (p *plan) mapping(path string, modern bool) []Range {
	byKey := map[bool][]Range{}
	var all []Range
	for _, e := range p.own(path) {
		byKey[e.Key == p.name] = append(byKey[e.Key == p.name], e.Range)
		all = append(all, e.Range)
	}
	if modern || len(byKey[false]) == 0 {
		return all
	}
	return byKey[false]
}

// root is the host's uid and gid of a container's root, 0 if there is none.
func (p *plan) root() (uid, gid uint32) {
	first := func(path string) uint32 {
		if m := p.mapping(path, p.modern()); len(m) > 0 {
			return m[0].Start
		}
		return 0
	}
	return first(subuidPath), first(subgidPath)
}

func (p *plan) faults() faults {
	var f faults
	for _, path := range []string{subuidPath, subgidPath} {
		p.lineFaults(path, &f)
		p.overlaps(path, &f)
	}
	if len(f.grave) > 0 {
		return f
	}
	m, g := p.mapping(subuidPath, p.modern()), p.mapping(subgidPath, p.modern())
	if !slices.Equal(m, g) {
		f.add(&f.light, "the ranges of %s differ: %s has %v, %s has %v", p.name, subuidPath, m, subgidPath, g)
	}
	if n := min(total(m), total(g)); n < uint64(p.want.size()) {
		f.add(&f.light, "the range of %s has %d ids, not %d", p.name, n, p.want.size())
	}
	if w := p.want.Start; w != nil && (m[0].Start != *w || g[0].Start != *w) {
		f.add(&f.grave, "the policy wants the range of %s to start at %d", p.name, *w)
	}
	return f
}

func total(m []Range) uint64 {
	var n uint64
	for _, r := range m {
		n += uint64(r.Count)
	}
	return n
}

// lineFaults judges the lines of the account one by one.
func (p *plan) lineFaults(path string, f *faults) {
	own := p.own(path)
	if len(own) == 0 {
		f.add(&f.grave, "%s has no range of %s", path, p.name)
	}
	for _, e := range own {
		if e.Bad != "" {
			f.add(&f.grave, "%s:%d: %s", path, e.Line, e.Bad)
		}
	}
	if !slices.Equal(p.mapping(path, true), p.mapping(path, false)) {
		f.add(&f.light, "%s has lines of %s by name and by uid, which dockerd to 27 and from 28 on read differently", path, p.name)
	}
}

// overlaps finds ids that somebody else holds too, or the account twice.
func (p *plan) overlaps(path string, f *faults) {
	own := p.own(path)
	for i, e := range own {
		held := slices.DeleteFunc(p.holders(path), func(h Holder) bool { return !h.Overlaps(e.Range) })
		if len(held) > 0 {
			more := ""
			if len(held) > 1 { // a range at 0 meets every account
				more = fmt.Sprintf(" and %d more", len(held)-1)
			}
			f.add(&f.grave, "the range %v of %s (%s:%d) overlaps %v of %s%s", e.Range, p.name, path, e.Line, held[0].Range, held[0].Who, more)
		}
		for _, twice := range own[:i] {
			if twice.Range.Overlaps(e.Range) {
				f.add(&f.grave, "%s:%d and %d: ranges of %s overlap, which the kernel refuses", path, twice.Line, e.Line, p.name)
			}
		}
	}
}

// holders are all others that hold ids: uids for subuid, gids for subgid.
func (p *plan) holders(path string) []Holder {
	var out []Holder
	for _, e := range p.entries[path] {
		if !p.owns(e) && e.Range.Count > 0 {
			out = append(out, Holder{e.Range, fmt.Sprintf("%s (%s:%d)", e.Key, path, e.Line)})
		}
	}
	if path == subuidPath {
		for _, u := range p.users {
			out = append(out, Holder{Range{u.UID, 1}, fmt.Sprintf("user %s (%s:%d)", u.Name, passwdPath, u.Line)})
		}
		return out
	}
	for _, g := range p.groups {
		out = append(out, Holder{Range{g.GID, 1}, fmt.Sprintf("group %s (%s:%d)", g.Name, groupPath, g.Line)})
	}
	return out
}

// choose keeps the start where it can, so that the data root stays and files
// in it keep their owners; else it takes a new range.
func (p *plan) choose() (Range, *resource.ControlResult) {
	taken := slices.Concat(p.holders(subuidPath), p.holders(subgidPath))
	for _, n := range p.newID {
		taken = append(taken, Holder{Range{n, 1}, "the new account " + p.name})
	}
	q := Request{Size: p.want.size(), Start: p.want.Start, Taken: taken, Defs: p.defs}
	if r, ok := p.grow(q); ok {
		return r, nil
	}
	r, note, err := Choose(q)
	if err != nil {
		return r, resource.Block("free the ids, or name another start in the policy", "%v", err)
	}
	if note != "" {
		p.impacts = append(p.impacts, resource.Impact{Level: "note", Text: note})
	}
	return r, nil
}

// grow finds the equal range of at least the wanted size that begins where
// the account's only range in each file begins, or if it has lost them all,
// where its data is.
func (p *plan) grow(q Request) (Range, bool) {
	u, g := p.own(subuidPath), p.own(subgidPath)
	if q.Start != nil || len(u) > 1 || len(g) > 1 {
		return Range{}, false
	}
	both := slices.Concat(u, g)
	if len(both) == 0 {
		uid, gid, live := p.remapped()
		r := Range{uid, q.Size}
		return r, live && uid == gid && fits(r, q) == nil
	}
	r := both[0].Range
	for _, e := range both {
		if e.Bad != "" || e.Range.Start != r.Start {
			return Range{}, false
		}
		r.Count = max(r.Count, e.Range.Count)
	}
	r.Count = max(r.Count, q.Size)
	return r, fits(r, q) == nil
}

// replace puts one line for the account into both files, in place of all it
// has there.
func (p *plan) replace(r Range) {
	line := fmt.Sprintf("%s:%d:%d", p.name, r.Start, r.Count)
	for _, path := range []string{subuidPath, subgidPath} {
		var old []string
		bad := false
		for _, e := range p.own(path) {
			old = append(old, e.Raw)
			bad = bad || e.Bad != ""
		}
		if bad || !slices.Equal(old, []string{line}) {
			p.edit(path, old, []string{line})
		}
	}
}

// announce tells what new ranges mean to a daemon that is in use.
func (p *plan) announce(r Range, root string, moves bool) {
	p.service = resource.Service{
		Action:  resource.Restart,
		Reasons: []string{fmt.Sprintf("dockerd reads the ranges of %s when it starts", p.name)},
	}
	if !moves {
		return
	}
	p.service.StopContainers, p.service.DataRootMoves = true, true
	p.impacts = append(p.impacts, resource.Impact{
		Level: "warning",
		Text: fmt.Sprintf("the data root moves from %s to %d.%d: containers, images, volumes and networks go out of sight; "+
			"their files stay on disk, and a rollback brings them back", root, r.Start, r.Start),
	})
}

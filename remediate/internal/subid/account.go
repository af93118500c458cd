package subid

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// accountName is what useradd(8) accepts everywhere. Anything else could also
// break out of its line.
var accountName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// subject finds the account that the policy names. The forms and their order
// are those of parseRemappedRoot (moby daemon/daemon_unix.go).
func (p *plan) subject() *resource.ControlResult {
	name, group, _ := strings.Cut(p.want.Account, ":")
	p.name, p.group = name, group
	if name == "" && group == "" || name == "default" {
		p.name = Default
	}
	if strings.Contains(group, ":") || name == "" && group != "" {
		return resource.Block(`name it as "default", "user" or "user:group"`, "cannot use the account %q: not a user or user:group", p.want.Account)
	}
	uid, err := id(p.name)
	var found []User
	for _, u := range p.users {
		if u.Name == p.name || err == nil && u.UID == uid {
			found = append(found, u)
		}
	}
	switch {
	case len(found) > 0:
		p.user, p.name = &found[0], found[0].Name
	case err == nil:
		return resource.Block("create a user with that uid, or name the account", "no user in %s has the uid %d", passwdPath, uid)
	}
	return p.fitting(found)
}

// fitting refuses accounts whose remapping would be none, or ambiguous.
func (p *plan) fitting(found []User) *resource.ControlResult {
	switch {
	case p.name == "root" || p.user != nil && p.user.UID == 0:
		return resource.Block(`use "default"`, "cannot remap to %s, uid 0: dockerd accepts it and leaves user namespaces off", p.name)
	case len(found) > 1:
		return resource.Block("remove one of the two lines", "%s:%d and %s:%d are the same account %s",
			passwdPath, found[0].Line, passwdPath, found[1].Line, p.name)
	case p.person() && !p.inUse():
		p.impacts = append(p.impacts, resource.Impact{
			Level:    "warning",
			Text:     "the account is that of a person: containers share its subordinate ids with its rootless podman, docker and unshare",
			Subjects: []string{p.name},
		})
	}
	return nil
}

// person reports whether somebody logs in with the account.
func (p *plan) person() bool {
	if p.user == nil || p.user.UID < p.defs.UIDMin || p.user.UID > p.defs.UIDMax {
		return false
	}
	sh := p.user.Shell
	return !strings.HasSuffix(sh, "/nologin") && !strings.HasSuffix(sh, "/false")
}

// account creates the user and the group where they are missing.
func (p *plan) account() *resource.ControlResult {
	other, r := p.otherGroup()
	if r != nil {
		return r
	}
	own := p.findGroup(p.name)
	if p.user != nil && (other || own != nil) {
		return nil
	}
	if r := p.creatable(); r != nil {
		return r
	}
	if p.user != nil {
		return p.addGroup(p.user.GID)
	}
	return p.addUser(own)
}

// otherGroup reports whether dockerd looks up another group than the one with
// the user's name, and refuses if that is missing: the one after the colon,
// or for a lone uid the equal gid.
func (p *plan) otherGroup() (bool, *resource.ControlResult) {
	key := p.group
	if _, err := id(p.want.Account); err == nil {
		key = p.want.Account
	}
	if key == "" || key == p.name {
		return false, nil
	}
	if p.findGroup(key) == nil {
		return true, resource.Block("create the group, or name another",
			"%s has no group %s, which dockerd looks up for userns-remap %q", groupPath, key, p.want.Account)
	}
	return true, nil
}

func (p *plan) findGroup(key string) *Group {
	gid, err := id(key)
	i := slices.IndexFunc(p.groups, func(g Group) bool { return g.Name == key || err == nil && g.GID == gid })
	if i < 0 {
		return nil
	}
	return &p.groups[i]
}

// creatable refuses hosts on which a local account would be wrong.
func (p *plan) creatable() *resource.ControlResult {
	if !accountName.MatchString(p.name) {
		return resource.Block("choose a name of a-z, 0-9, _ and -", "cannot create the account %q: not a valid name", p.name)
	}
	if len(p.nis) > 0 {
		return resource.Block("create it by hand: useradd -r "+p.name, "cannot create the account %s: NIS entries at %s must stay last",
			p.name, strings.Join(p.nis, ", "))
	}
	if src := p.remote(); src != "" && p.name != Default {
		return resource.Block("create the account on this host, or use \"default\"",
			"%s has no account %s, but %s asks %s too, where it may exist", passwdPath, p.name, nsswitchPath, src)
	}
	return nil
}

// remote names the first source of accounts in nsswitch.conf(5) that is not
// on this host.
func (p *plan) remote() string {
	local := []string{"files", "compat", "systemd", "db", "altfiles", "mymachines"}
	for line := range strings.Lines(string(p.acc.NSSwitch.Content)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "passwd:" {
			continue
		}
		for _, src := range f[1:] {
			if src[0] == '#' {
				break
			}
			if src[0] >= 'a' && src[0] <= 'z' && !slices.Contains(local, src) {
				return src
			}
		}
	}
	return ""
}

func (p *plan) addUser(group *Group) *resource.ControlResult {
	uid, gid, ok := p.freeIDs(group)
	if !ok {
		return resource.Block("remove unused system accounts, or widen SYS_UID_MIN to SYS_UID_MAX in "+defsPath,
			"cannot create the account %s: no system uid or gid is free", p.name)
	}
	if group == nil {
		if r := p.addGroup(gid); r != nil {
			return r
		}
	} else if group.GID == 0 {
		return resource.Block("give the group another gid", "cannot create the account %s: its group has the gid 0", p.name)
	}
	secret, r := p.secret(shadowPath, p.acc.Shadow, p.acc.ShadowNames, p.name+":!:::::::")
	if r != nil {
		return r
	}
	p.edit(passwdPath, nil, []string{fmt.Sprintf("%s:%s:%d:%d:Docker user namespaces:/nonexistent:%s", p.name, secret, uid, gid, p.nologin())})
	p.user = &User{Name: p.name, UID: uid, GID: gid}
	p.newID = append(p.newID, uid)
	p.why = append(p.why, fmt.Sprintf("the account %s does not exist", p.name))
	return nil
}

// addGroup adds a group with the name of the account. It has the wanted gid if
// that is free, and else another system gid: dockerd only looks its name up.
func (p *plan) addGroup(gid uint32) *resource.ControlResult {
	if p.gidTaken(gid) {
		var ok bool
		if gid, ok = highestFree(p.defs.SysGIDMin, p.defs.SysGIDMax, p.gidTaken); !ok {
			return resource.Block("remove unused system groups", "cannot create the group %s: no system gid is free", p.name)
		}
	}
	secret, r := p.secret(gshadowPath, p.acc.Gshadow, p.acc.GshadowNames, p.name+":!::")
	if r != nil {
		return r
	}
	p.edit(groupPath, nil, []string{fmt.Sprintf("%s:%s:%d:", p.name, secret, gid)})
	p.newID = append(p.newID, gid)
	p.why = append(p.why, fmt.Sprintf("the group %s does not exist", p.name))
	return nil
}

// secret adds the locked entry to a shadow file, and returns what stands for
// it in passwd or group: "x", or "!" on a host without shadow files. The date
// of the last change stays empty, which turns off ageing (shadow(5)).
func (p *plan) secret(path string, f resource.File, have []string, line string) (string, *resource.ControlResult) {
	if why := p.acc.Unread[path]; why != "" {
		return "", unknown(fmt.Sprintf("the account %s is missing or incomplete, and %s cannot be read: %s", p.name, path, why))
	}
	if slices.Contains(have, p.name) {
		return "", resource.Block("remove that entry: vipw -s or vigr -s", "%s has a left-over entry of %s, whose password would come to life", path, p.name)
	}
	if !f.Print.Exists() {
		return "!", nil
	}
	p.edit(path, nil, []string{line})
	return "x", nil
}

// nologin is the shell that most accounts without login have here.
func (p *plan) nologin() string {
	n := map[string]int{}
	for _, u := range p.users {
		n[u.Shell]++
	}
	if n["/sbin/nologin"] > n["/usr/sbin/nologin"] {
		return "/sbin/nologin"
	}
	return "/usr/sbin/nologin"
}

// freeIDs finds a system uid, top down as useradd -r does, and the same
// number as gid if it can.
func (p *plan) freeIDs(group *Group) (uid, gid uint32, ok bool) {
	d := p.defs
	if group != nil {
		uid, ok = highestFree(d.SysUIDMin, d.SysUIDMax, p.uidTaken)
		return uid, group.GID, ok
	}
	both := func(n uint32) bool { return p.uidTaken(n) || p.gidTaken(n) }
	if n, ok := highestFree(max(d.SysUIDMin, d.SysGIDMin), min(d.SysUIDMax, d.SysGIDMax), both); ok {
		return n, n, true
	}
	uid, ok1 := highestFree(d.SysUIDMin, d.SysUIDMax, p.uidTaken)
	gid, ok2 := highestFree(d.SysGIDMin, d.SysGIDMax, p.gidTaken)
	return uid, gid, ok1 && ok2
}

func highestFree(lo, hi uint32, taken func(uint32) bool) (uint32, bool) {
	for n := hi; n >= lo && n > 0; n-- {
		if !taken(n) {
			return n, true
		}
	}
	return 0, false
}

// uidTaken also keeps clear of uids that key a left-over line, which would
// become the new account's.
func (p *plan) uidTaken(n uint32) bool {
	return slices.ContainsFunc(p.users, func(u User) bool { return u.UID == n }) ||
		p.inRange(subuidPath, n) || p.isKey(subuidPath, n) || p.isKey(subgidPath, n)
}

func (p *plan) gidTaken(n uint32) bool {
	return slices.ContainsFunc(p.groups, func(g Group) bool { return g.GID == n }) ||
		p.inRange(subgidPath, n)
}

func (p *plan) inRange(path string, n uint32) bool {
	return slices.ContainsFunc(p.entries[path], func(e Entry) bool { return e.Range.Overlaps(Range{n, 1}) })
}

func (p *plan) isKey(path string, n uint32) bool {
	return slices.ContainsFunc(p.entries[path], func(e Entry) bool { return e.Key == fmt.Sprint(n) })
}

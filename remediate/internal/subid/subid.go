// Package subid is the kind that looks after the account whose subordinate
// ids dockerd maps the root of containers to (userns-remap): the user, its
// group and one equal range in /etc/subuid and /etc/subgid.
//
// It never leaves the allocation to dockerd: since 28.0 dockerd looks only at
// root's own lines when it searches for a free range and so hands out ranges
// that overlap those of other users (moby daemon/internal/usergroup). Neither
// does it run useradd: the edits are plain line edits, made under the lock
// that shadow-utils honours and taken back exactly by a rollback.
//
// The key userns-remap of daemon.json is the business of another kind.
package subid

import (
	"context"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// The account files, as shadow-utils has them.
const (
	passwdPath   = "/etc/passwd"
	groupPath    = "/etc/group"
	shadowPath   = "/etc/shadow"
	gshadowPath  = "/etc/gshadow"
	subuidPath   = "/etc/subuid"
	subgidPath   = "/etc/subgid"
	defsPath     = "/etc/login.defs"
	usrDefsPath  = "/usr/etc/login.defs" // openSUSE's vendor copy
	nsswitchPath = "/etc/nsswitch.conf"
)

// Default is the account that dockerd uses for userns-remap "default".
const Default = "dockremap"

// Want is what the policy wants of the remapping account.
type Want struct {
	// Account has the form of dockerd's userns-remap: "default" or "" (the
	// account dockremap), a user, a uid, or user:group.
	Account string
	// Off says that containers are not to be remapped. The account stays:
	// data of containers may belong to its ids.
	Off bool
	// Size is the number of ids of a range that is chosen, and the least
	// that an existing one must have; 0 means MinSize.
	Size uint32
	// Start is the first id of the range; nil leaves it to Choose.
	Start *uint32
	// Control is the id under which the result is reported.
	Control string
	// ContainerdSnapshotter is what the policy makes of the key
	// features.containerd-snapshotter; nil leaves what daemon.json has.
	ContainerdSnapshotter *bool
}

func (w Want) size() uint32 {
	if w.Size == 0 {
		return MinSize
	}
	return w.Size
}

// Kind is the resource kind "subid".
type Kind struct{}

// Name returns "subid".
func (Kind) Name() string { return "subid" }

// Observe fills s.Accounts. A file that cannot be read is named in
// Accounts.Unread with the reason; the rest stays usable.
func (Kind) Observe(_ context.Context, r resource.Reader, s *resource.Snapshot) {
	a := resource.Accounts{}
	o := observer{r: r, unread: map[string]string{}}
	for path, f := range map[string]*resource.File{
		passwdPath: &a.Passwd, groupPath: &a.Group, subuidPath: &a.Subuid,
		subgidPath: &a.Subgid, defsPath: &a.LoginDefs, nsswitchPath: &a.NSSwitch,
	} {
		*f = o.file(path)
	}
	if o.unread[defsPath] == "" && !a.LoginDefs.Print.Exists() {
		a.LoginDefs = o.file(usrDefsPath)
	}
	a.Shadow, a.ShadowNames = o.secret(shadowPath)
	a.Gshadow, a.GshadowNames = o.secret(gshadowPath)
	if len(o.unread) > 0 {
		a.Unread = o.unread
	}
	s.Accounts = resource.Known(a)
}

type observer struct {
	r      resource.Reader
	unread map[string]string
}

func (o observer) file(path string) resource.File {
	f, err := o.r.File(path)
	if err != nil {
		o.unread[path] = err.Error()
		return resource.File{Path: path}
	}
	f.Path = path
	return f
}

// secret reads only who has an entry; the hashes do not leave this function.
func (o observer) secret(path string) (resource.File, []string) {
	f := o.file(path)
	if o.unread[path] != "" || f.Print.Type != resource.Regular {
		f.Content = nil
		return f, nil
	}
	n := names(f.Content)
	f.Content = nil
	return f, n
}

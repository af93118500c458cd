package seccomp

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Dir holds the profiles that bulwark writes. The name of each carries a digest
// of its content: dockerd reads the file once, when it starts, and /info then
// shows the name, so that the name tells what was read.
const Dir = "/etc/docker/seccomp"

const digestSize = 12 // hex digits in a name

// Controls of the section.
const (
	Control = "seccomp"
	// controlContainers is about containers that run under another filter.
	controlContainers = "seccomp-containers"
	// controlBase is about an engine newer than the base.
	controlBase = "seccomp-base"
)

// Want is the policy's section in this kind's words.
type Want struct {
	// Pinned takes the base as it is, whatever the engine's own default.
	Pinned      bool
	Deny, Allow []string
	// File is the policy's own profile; the fields above are then empty.
	File string
	// DefaultAllow accepts an own profile that lets through what it does not
	// name.
	DefaultAllow bool
	// Named is a profile that daemon.json is to name by the policy's own key, not
	// by the section: it is judged and left where it is. All above is empty then.
	Named string
	// Origin is where the policy says so: "site.yaml:12".
	Origin string
}

// A Kind plans the profile of one host.
type Kind struct {
	// DaemonJSON is dockerd's configuration file, which names the profile.
	DaemonJSON string
}

// Name is the kind's name in changes and in the journal.
func (Kind) Name() string { return Control }

// pathOf is where a profile lies.
func pathOf(content []byte) string {
	return path.Join(Dir, "bulwark-"+resource.Sum(content)[:digestSize]+".json")
}

// ours reports whether a file is one that this kind wrote and nobody has edited
// since: its name tells its content.
func ours(f resource.File) bool {
	return f.Print.Type == resource.Regular && f.Path == pathOf(f.Content)
}

// engineOf is the version of the dockerd that will read the profile: the
// program of the next start, else the one that runs.
func engineOf(s *resource.Snapshot) (engine.Version, error) {
	return engine.ParseVersion(cmp.Or(s.Binary.Value.Version, s.Engine.Value.Version))
}

// machineOf is the host that profiles are compared for; one that does not say
// what it is has all system calls.
func machineOf(s *resource.Snapshot) Machine {
	return MachineOf(s.Host.Value.Arch, s.Host.Value.Kernel)
}

// Profile returns the profile that the policy leads to, nil for the engine's
// own, or says why there is none.
func (Kind) Profile(want *Want, s *resource.Snapshot) ([]byte, *resource.ControlResult) {
	if want.File != "" {
		return ownProfile(want, s)
	}
	r := Recipe{Deny: want.Deny, Allow: want.Allow}
	if why := r.refuse(); why != "" {
		return nil, resource.Block("correct the policy at "+want.Origin, "%s", why)
	}
	if want.Pinned {
		return r.encoded(), nil
	}
	if r.plain() {
		return nil, nil
	}
	have, err := engineOf(s)
	if err != nil {
		return nil, resource.CannotRead("run where dockerd can be asked for its version, or say base: pinned in the policy",
			"cannot tell what the engine's own profile denies: %s", cmp.Or(s.Binary.Unknown, s.Engine.Unknown, err.Error()))
	}
	if have.Compare(errnos) < 0 {
		return nil, resource.Block("upgrade Docker Engine",
			"Engine %s takes no errno from a profile, which clone3 and socketcall need in order to be denied: Engine %s and newer do", have, errnos)
	}
	r.Engine = have
	return r.encoded(), nil
}

var lastEncoded last[[]byte]

// encoded is the written form of the recipe's profile; it is not to be changed.
func (r Recipe) encoded() []byte {
	key := fmt.Sprint(r.Engine, len(r.Deny), r.Deny, r.Allow)
	return lastEncoded.get(key, func() []byte { return Encode(Derive(r)) })
}

// errnos is the first release whose profiles may say errnoRet.
var errnos = v(20, 10, 10)

// Key returns what daemon.json must say for seccomp-profile: a path, or "" for
// the engine's own profile. It is not ok when there is no profile to name.
func (k Kind) Key(want *Want, s *resource.Snapshot) (value string, ok bool) {
	if want.Named != "" {
		return want.Named, true
	}
	content, refused := k.Profile(want, s)
	switch {
	case refused != nil:
		return "", false
	case content == nil:
		return "", true
	}
	return pathOf(content), true
}

// source is the profile of somebody else that the policy leads to; "" is none.
func (w *Want) source() string {
	if w == nil {
		return ""
	}
	return cmp.Or(w.File, w.Named)
}

// ownProfile judges the profile of somebody else.
func ownProfile(want *Want, s *resource.Snapshot) ([]byte, *resource.ControlResult) {
	src, path := s.Seccomp.Value.Source, want.source()
	if src == nil {
		return nil, resource.CannotRead("", "cannot read %s: the snapshot does not hold it", path)
	}
	f, ok := src.Get()
	switch {
	case !ok:
		return nil, resource.CannotRead("", "cannot read %s: %s", path, src.Unknown)
	case f.Print.Type != resource.Regular:
		return nil, resource.Block("correct the policy at "+want.Origin, "cannot use %s: it is %s", path, article(f.Print.Type))
	case f.Print.UID != 0 || f.Print.Mode&0o022 != 0:
		return nil, resource.Block("chown root "+path+"; chmod go-w "+path,
			"cannot use %s: others than root may write it (owner %d, mode %04o)", path, f.Print.UID, f.Print.Mode)
	}
	o := optionsFor(want, s)
	if bad := Refusals(Check(f.Content, o)); len(bad) > 0 {
		remedy := "bulwark seccomp explain " + path
		if o.DefaultAllow {
			remedy += " --accept-default-allow"
		}
		return nil, resource.Block(remedy, "cannot use %s: %s", path, joined(bad))
	}
	return f.Content, nil
}

// optionsFor is what a profile is judged by on this host. By dockerd's own key an
// admin may name one that lets through what it does not name: there is no place
// in the policy to say that it is meant.
func optionsFor(want *Want, s *resource.Snapshot) Options {
	have, _ := engineOf(s)
	return OptionsOf(s.Seccomp.Value.Runtime, s.Seccomp.Value.Libseccomp, have, machineOf(s), want.DefaultAllow || want.Named != "")
}

// OptionsOf reads what runc says of itself ("runc version 1.1.5+ds1").
func OptionsOf(runtime, libseccomp string, e engine.Version, m Machine, defaultAllow bool) Options {
	runc, _ := engine.ParseVersion(strings.TrimPrefix(runtime, "runc version ")) // else not known
	return Options{DefaultAllow: defaultAllow, Runc: runc, Libseccomp: libseccomp, Engine: e, Machine: m}
}

func article(t resource.FileType) string {
	if t == resource.Absent {
		return "not there"
	}
	return "a " + string(t)
}

// joined tells the first problems, and how many more there are.
func joined(bad []Problem) string {
	const most = 3
	var words []string
	for _, p := range bad[:min(len(bad), most)] {
		words = append(words, p.String())
	}
	if more := len(bad) - most; more > 0 {
		words = append(words, plural(more, "more problem"))
	}
	return strings.Join(words, "; ")
}

package seccomp

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Observe fills s.Seccomp. A nil want is that of no policy in particular.
func (k Kind) Observe(ctx context.Context, want *Want, r resource.Reader, s *resource.Snapshot) {
	var sec resource.Seccomp
	var wg sync.WaitGroup
	wg.Go(func() { sec.Runtime, sec.Libseccomp = Runtime(ctx, r) })
	if file := want.source(); file != "" {
		sec.Source = source(r, file)
	}
	wg.Go(func() { sec.Filters = r.Filters(ctx, s.Containers.Value) })
	wg.Wait()
	s.Seccomp = resource.Known(sec)
	var wanted string
	if want != nil && want.Named == "" {
		wanted, _ = k.Key(want, s)
	}
	if err := k.profiles(r, &sec, wanted); err != nil {
		s.Seccomp = resource.Unknown[resource.Seccomp](err.Error())
		return
	}
	s.Seccomp = resource.Known(sec)
}

func source(r resource.Reader, file string) *resource.Fact[resource.File] {
	f, err := r.File(file)
	fact := resource.Known(f)
	if err != nil {
		fact = resource.Unknown[resource.File](strings.TrimPrefix(err.Error(), "cannot read "+file+": "))
	}
	return &fact
}

// profiles reads the wanted file, the folder, and the one that daemon.json names
// now if it is bulwark's.
func (k Kind) profiles(r resource.Reader, sec *resource.Seccomp, wanted string) error {
	var err error
	if wanted != "" {
		if sec.Profile, err = r.File(wanted); err != nil {
			return err
		}
		sec.Profile.Path = wanted
		if sec.Dir, err = r.Fingerprint(Dir); err != nil {
			return err
		}
	}
	now, err := k.named(r)
	if err != nil || now == wanted || path.Dir(now) != Dir {
		return err
	}
	f, err := r.File(now)
	if f.Path = now; ours(f) {
		sec.Former = &f
	}
	return err
}

// named is the profile that daemon.json names now. A file that cannot be
// decoded names none: that is the business of its own kind.
func (k Kind) named(r resource.Reader) (string, error) {
	f, err := r.File(k.DaemonJSON)
	if err != nil {
		return "", err
	}
	return NamedBy(f.Content), nil
}

// NamedBy is the profile that a daemon.json names, "" if none.
func NamedBy(daemonJSON []byte) string {
	var d struct {
		Profile string `json:"seccomp-profile"`
	}
	if json.Unmarshal(daemonJSON, &d) != nil || d.Profile == "" {
		return ""
	}
	return path.Clean(d.Profile)
}

// Runtime asks runc for its version and that of libseccomp, which it prints
// since 1.0.0-rc93. Another default runtime has another library; nothing is claimed
// of that.
func Runtime(ctx context.Context, r resource.Reader) (runtime, libseccomp string) {
	out, err := r.Query(ctx, "runc", "--version")
	if err != nil {
		return "", ""
	}
	for i, line := range strings.Split(string(out), "\n") {
		if i == 0 {
			runtime = line
		}
		if v, ok := strings.CutPrefix(line, "libseccomp: "); ok {
			libseccomp = strings.TrimSpace(v)
		}
	}
	return runtime, libseccomp
}

package fsys_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func linked(t *testing.T) *fsys.Root {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"a/b", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/a/b/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"absolute": "/a/b/file", "relative": "a/b", "out": "../../../../etc/passwd", "dangling": "/nothing",
		"self": "self", "a/up": "../run", "chain": "/a/up",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := fsys.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// TestFollow: links are followed as if the root were the root of the host.
func TestFollow(t *testing.T) {
	root := linked(t)
	for path, want := range map[string]struct {
		real string
		what resource.FileType
	}{
		"/":              {"/", resource.Dir},
		"/a/b/file":      {"/a/b/file", resource.Regular},
		"/absolute":      {"/a/b/file", resource.Regular},
		"/relative":      {"/a/b", resource.Dir},
		"/relative/file": {"/a/b/file", resource.Regular},
		"/chain":         {"/run", resource.Dir},
		"/out":           {"", resource.Absent},
		"/dangling":      {"", resource.Absent},
		"/self":          {"", resource.Absent},
		"/a/b/file/x":    {"", resource.Absent},
		"/nothing/x":     {"", resource.Absent},
	} {
		real, what, err := root.Follow(path)
		if err != nil || real != want.real || what != want.what {
			t.Errorf("%s: %q %s %v", path, real, what, err)
		}
	}
	for _, path := range []string{"relative", "/a/../b", "/a/"} {
		if _, _, err := root.Follow(path); err == nil {
			t.Errorf("%s was followed", path)
		}
	}
}

func TestFollowRealRoot(t *testing.T) {
	root, err := fsys.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	want, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	real, what, err := root.Follow("/bin/sh")
	if err != nil || real != want || what != resource.Regular {
		t.Errorf("/bin/sh: %q %s %v, not %s", real, what, err, want)
	}
}

func TestRootNames(t *testing.T) {
	root := linked(t)
	for path, want := range map[string][]string{
		"/a": {"b", "up"}, "/relative": {"file"}, "/run": nil, "/nothing": nil, "/dangling": nil,
	} {
		names, err := root.Names(path)
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %q, %v", path, names, err)
		}
	}
	if _, err := root.Names("/absolute"); err == nil {
		t.Error("a file was listed")
	}
}

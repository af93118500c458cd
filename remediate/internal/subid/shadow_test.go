package subid_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
)

// shadowTools is what the tests against the real shadow-utils need.
var shadowTools = [...]string{"unshare", "mount", "pwck", "grpck", "useradd", "userdel", "setpriv", "newuidmap", "newgidmap"}

// inEtc runs a script that sees h as its /etc, in a mount namespace of its
// own: the /etc of this machine cannot be reached from it. With
// BULWARK_REQUIRE_ROOT set a host without the tools fails the test.
func inEtc(t *testing.T, h hostFiles, script string) (out string, after hostFiles) {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("BULWARK_REQUIRE_ROOT") != "" {
		skip = t.Fatalf
	}
	for _, tool := range shadowTools {
		if _, err := exec.LookPath(tool); err != nil {
			skip("needs %s", tool)
		}
	}
	if os.Geteuid() != 0 {
		skip("needs root")
	}
	etc := filepath.Join(t.TempDir(), "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range h {
		if err := os.WriteFile(filepath.Join(etc, filepath.Base(path)), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("unshare", "-m", "-n", "--propagation", "private", "sh", "-euc", `mount --bind "$0" /etc; `+script, etc)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	after = hostFiles{}
	for path := range h {
		b, err := os.ReadFile(filepath.Join(etc, filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		after[path] = string(b)
	}
	return string(b), after
}

func converged(t *testing.T, h hostFiles) hostFiles {
	t.Helper()
	return h.apply(t, subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, h.snapshot()).Changes)
}

// complaints are what pwck and grpck say, but for homes that the fixture lacks.
func complaints(out string) []string {
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(l string) bool {
		return l == "" || strings.HasSuffix(l, "does not exist") && !strings.Contains(l, "dockremap") || l == "pwck: no changes"
	})
}

func TestShadowUtilsFindsAccountsSound(t *testing.T) {
	const gid700 = "dockremap:x:700:\n"
	base := debian()
	for name, h := range map[string]hostFiles{
		"new account":         base,
		"group without user":  base.with("/etc/group", base["/etc/group"]+gid700).with("/etc/gshadow", base["/etc/gshadow"]+"dockremap:!::\n"),
		"user without group":  remap("", "").with("/etc/group", base["/etc/group"]+"users:x:995:\n").with("/etc/gshadow", base["/etc/gshadow"]+"users:!::\n"),
		"no shadow files":     base.with("/etc/shadow", "-").with("/etc/gshadow", "-"),
		"no final newline":    base.with("/etc/shadow", strings.TrimSuffix(base["/etc/shadow"], "\n")),
		"ranges to be mended": remap("alice:100000:65536\ndockremap:100000:65536\n", "dockremap:5\n"),
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := inEtc(t, converged(t, h), `grpck -r; pwck -r || true`)
			if c := complaints(out); len(c) > 0 {
				t.Errorf("%q", c)
			}
			out, _ = inEtc(t, converged(t, h), `id -un dockremap; grep ^dockremap: /etc/subuid; getent group dockremap`)
			if strings.Count(out, "dockremap") != 3 {
				t.Error(out)
			}
		})
	}
	out, _ := inEtc(t, base.with("/etc/passwd", base["/etc/passwd"]+dockremapUser), `pwck -r || true`)
	if len(complaints(out)) == 0 {
		t.Error("pwck does not complain of a user without group and password: the test is blind")
	}
}

// TestUseraddKeepsClear lets useradd choose after us, and us after useradd.
func TestUseraddKeepsClear(t *testing.T) {
	h := converged(t, debian())
	for _, name := range []string{"bob", "carol", "dave"} {
		_, h = inEtc(t, h, `useradd `+name)
		noOverlap(t, h)
	}
	if strings.Count(h["/etc/subuid"], "\n") != 4 {
		t.Fatalf("useradd gave no ranges:\n%s", h["/etc/subuid"])
	}
	_, used := inEtc(t, debian(), `useradd bob; useradd carol`)
	h = converged(t, used)
	noOverlap(t, h)
	if !strings.Contains(h["/etc/subuid"], "dockremap:262144:65536") {
		t.Errorf("%s", h["/etc/subuid"])
	}
}

func noOverlap(t *testing.T, h hostFiles) {
	t.Helper()
	if h["/etc/subuid"] != h["/etc/subgid"] {
		t.Errorf("files differ:\n%s\n%s", h["/etc/subuid"], h["/etc/subgid"])
	}
	all := subid.ParseSubid([]byte(h["/etc/subuid"]))
	for i, e := range all {
		for _, other := range all[:i] {
			if e.Range.Overlaps(other.Range) {
				t.Errorf("%s overlaps %s", e.Raw, other.Raw)
			}
		}
	}
}

// TestKernelTakesTheMapping has the account map its own range, as rootless
// tools do: newuidmap compares with /etc/subuid and the kernel with the rest.
func TestKernelTakesTheMapping(t *testing.T) {
	out, _ := inEtc(t, converged(t, debian()), `
		setpriv --reuid dockremap --regid dockremap --clear-groups unshare -U sleep 60 & p=$!
		while [ "$(readlink /proc/$p/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do :; done
		cd /
		setpriv --reuid dockremap --regid dockremap --clear-groups newuidmap $p 0 131072 65536 &&
		setpriv --reuid dockremap --regid dockremap --clear-groups newgidmap $p 0 131072 65536 &&
		cat /proc/$p/uid_map /proc/$p/gid_map || echo refused
		kill $p; wait $p || true`)
	if strings.Contains(out, "refused") || strings.Count(out, "131072      65536") != 2 {
		t.Error(out)
	}
}

package host_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

// place puts text over a file of this host, for this test's thread only.
func place(t *testing.T, path, text string) {
	t.Helper()
	f := t.TempDir() + "/f"
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(f, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
}

// TestResolve: the hosts file counts; addresses are sorted and each is told
// once; a name that nobody knows is an error that names it.
func TestResolve(t *testing.T) {
	r := host.NewReader("/", nil, "")
	ctx := context.Background()
	for name, want := range map[string][]string{
		"localhost": {"127.0.0.1"}, "192.0.2.7": {"192.0.2.7"}, "2001:DB8::7": {"2001:db8::7"},
	} {
		got, err := r.Resolve(ctx, name)
		if err != nil || !slices.Contains(got, want[0]) || !slices.IsSorted(got) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	_, err := r.Resolve(ctx, "nobody.invalid")
	if err == nil || !strings.HasPrefix(err.Error(), "cannot resolve nobody.invalid: ") || strings.Contains(err.Error(), "lookup") {
		t.Errorf("nobody.invalid: %v", err)
	}
}

// TestNameservers: those that a container can reach; behind a stub on loopback,
// those that systemd-resolved asks.
func TestNameservers(t *testing.T) {
	netns(t)
	scratch.Shell(t, "mount -t tmpfs none /run; mkdir -p /run/systemd/resolve; echo 'nameserver 198.51.100.1' > /run/systemd/resolve/resolv.conf")
	for _, c := range []struct{ text, want string }{
		{"search x\nnameserver 192.0.2.53\n# nameserver 192.0.2.1\nnameserver\t2001:DB8::53\nnameserver 192.0.2.53\n", "192.0.2.53 2001:db8::53"},
		{"nameserver 127.0.0.53\noptions edns0\n", "198.51.100.1"},
		{"nameserver ::1\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n", "192.0.2.53"},
		{"nameserver\nnameserver nonsense\n", ""},
	} {
		place(t, "/etc/resolv.conf", c.text)
		f, err := host.NewReader("/", nil, "").Firewall(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.Nameservers, " "); got != c.want {
			t.Errorf("%q: %q, not %q", c.text, got, c.want)
		}
	}
}

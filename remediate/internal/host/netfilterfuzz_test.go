package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// FuzzNetlink: no message makes a parser fall; what a kernel writes is read by
// other tests.
func FuzzNetlink(f *testing.F) {
	entry := setEntry(netip.MustParsePrefix("192.0.2.0/24"))
	f.Add(encode(8, entry))
	f.Add(encode(1, encode(1, encode(1, []byte{192, 0, 2, 1}))))
	f.Add([]byte{0xff, 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := setContent{}
		c.parse(b)
		for _, p := range c.networks {
			if !p.IsValid() {
				t.Errorf("%v", p)
			}
		}
		if flow, ok := parseFlow(b); ok && (!flow.src.IsValid() || !flow.dst.IsValid()) {
			t.Errorf("%v", flow)
		}
		nftTable(b)
	})
}

// FuzzResolvConf: nameservers are addresses, none of loopback, each once.
func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 192.0.2.53\nnameserver ::1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		outside, _ := parseResolvConf(b)
		seen := map[string]bool{}
		for _, n := range outside {
			if a, err := netip.ParseAddr(n); err != nil || a.IsLoopback() || seen[n] {
				t.Errorf("%q", n)
			}
			seen[n] = true
		}
	})
}

func TestParseVersion(t *testing.T) {
	for said, want := range map[string]string{
		"iptables v1.8.9 (nf_tables)\n": "1.8.9", "nftables v1.0.6 (Lester Gooch #5)": "1.0.6", "": "unknown", "very v": "unknown",
	} {
		if got := parseVersion(said); got != want {
			t.Errorf("%q: %s", said, got)
		}
	}
}

// TestModuleIn: a module counts as there if it is loaded or built in, or if
// this kernel has no modules or does not tell.
func TestModuleIn(t *testing.T) {
	root := t.TempDir() + "/"
	want := func(when string, names map[string]bool) {
		t.Helper()
		for module, there := range names {
			if moduleIn(root, "6.1.0", module) != there {
				t.Errorf("%s: %s is there: %v", when, module, !there)
			}
		}
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(root+path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want("no modules", map[string]bool{"nf_tables": true})
	write("proc/modules", "nf_conntrack_netlink 57344 0 - Live 0x0\nip_set 53248 1 ip_set_hash_net, Live 0x0\n")
	want("not told", map[string]bool{"nf_tables": true})
	write("lib/modules/6.1.0/modules.builtin", "kernel/net/netfilter/nf_tables.ko\n")
	write("sys/module/xt_set/refcnt", "0")
	want("told", map[string]bool{
		"ip_set": true, "nf_tables": true, "xt_set": true, "nf_conntrack": false, "tables": false, "ip_set_hash_net": false,
	})
}

package host

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// real is what Docker 20.10 answered.
func real(f *testing.F, name string) []byte {
	f.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "docker20.10", name+".json"))
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzAnswers: what the daemon answers makes no reader fall; addresses and
// networks are such, and what is kept can be written as JSON and read again.
func FuzzAnswers(f *testing.F) {
	for _, name := range []string{"container", "published", "info", "networks", "bridge", "image", "swarm"} {
		f.Add(real(f, name))
	}
	f.Add([]byte(`{"State":{"Running":true,"Pid":-1,"StartedAt":"9999-99-99"},"NetworkSettings":{"Networks":{"a":null,"b":{"IPAddress":"192.0.2.1","GlobalIPv6Address":""}}},"Mounts":[{"Type":"bind"}],"HostConfig":{},"Config":{"StopTimeout":-9}}`))
	f.Add([]byte(`{"RegistryConfig":{"IndexConfigs":{"a":null},"InsecureRegistryCIDRs":["::/0"]},"FirewallBackend":{}}`))
	f.Add([]byte(`[{"Driver":"bridge","Id":"0123456789ab","IPAM":{"Config":[{},{"Subnet":"192.0.2.9/24"}]}},{"Driver":"bridge","Options":null}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in container.InspectResponse
		if decode(b, &in) {
			c := fromInspect(container.Summary{ID: "a"}, in)
			sameAgain(t, c)
			for _, e := range c.Networks {
				for _, ip := range e.IPs {
					if _, err := netip.ParseAddr(ip); err != nil {
						t.Error(err)
					}
				}
			}
			if c.ID != "a" || c.StartedNS < 0 {
				t.Errorf("%+v", c)
			}
			for _, p := range c.Spec.Ports {
				if _, err := netip.ParseAddr(p.HostIP); p.HostPort < 0 || p.HostPort > 65535 || p.HostIP != "" && err != nil {
					t.Errorf("%+v", p)
				}
			}
		}
		var i system.Info
		if decode(b, &i) {
			sameAgain(t, fromInfo(i))
			sameAgain(t, fromSwarm(i.Swarm))
		}
		var img image.InspectResponse
		if decode(b, &img) {
			sameAgain(t, fromImage("sha256:a", img))
		}
		var all []network.Network
		if decode(b, &all) {
			for _, n := range all {
				checkNetwork(t, fromNetwork(n))
			}
		}
	})
}

func checkNetwork(t *testing.T, n resource.Network) {
	t.Helper()
	sameAgain(t, n)
	for _, s := range n.Subnets {
		if p, err := netip.ParsePrefix(s); err != nil || p != p.Masked() {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// decode is what the client does with a body.
func decode(b []byte, v any) bool { return json.NewDecoder(bytes.NewReader(b)).Decode(v) == nil }

func sameAgain[T any](t *testing.T, v T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again T
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if b2, err := json.Marshal(again); err != nil || !bytes.Equal(b, b2) {
		t.Errorf("%s, read again %s (%v)", b, b2, err)
	}
}

// FuzzBundle: the OCI configuration of a container has a filter with a digest,
// or none, or is refused.
func FuzzBundle(f *testing.F) {
	b, err := os.ReadFile("testdata/bundle20.10.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"process":null,"linux":{"seccomp":{"syscalls":[{"names":null,"args":[{}]},{}],"defaultErrnoRet":4294967295}}}`))
	f.Add([]byte(`{"process":{"capabilities":{}},"linux":{"seccomp":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseBundle(b)
		if err != nil {
			return
		}
		if d, err := hex.DecodeString(got.Digest); err != nil || len(d) != 0 && len(d) != 32 {
			t.Errorf("the digest %q", got.Digest)
		}
		sameAgain(t, got)
	})
}

// FuzzProc: what processes can put into /proc, their name above all, makes no
// reader fall.
func FuzzProc(f *testing.F) {
	f.Add("1 (dockerd) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 12 0 4711 1 1 1\n", "CapBnd:\t000001ffffffffff\nSeccomp:\t2\n", "Max open files            1024                 524288               files     \n")
	f.Add("1 (a) b) c (", "CapBnd:", "Max open files")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, stat, status, limits string) {
		for name, text := range map[string]string{"stat": stat, "status": status, "limits": limits} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = startTicks(dir)
		if n := nofileHard(dir); n != 0 && !strings.Contains(limits, "Max open files") {
			t.Errorf("the limit is %d", n)
		}
		parseVersion(status)
	})
}

// FuzzUnit: what systemd says of a unit has any type or none.
func FuzzUnit(f *testing.F) {
	f.Add([]byte(`[["/usr/bin/dockerd", ["/usr/bin/dockerd", "-H", "fd://"], false]]`))
	f.Add([]byte(`[[], [null], ["a"], [1, 2]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v [][]any
		if json.Unmarshal(b, &v) != nil {
			return
		}
		execStart(v)
		environmentFiles(v)
	})
}

// TestFilterOfNoID: an id that is a pattern or leads elsewhere opens no file.
func TestFilterOfNoID(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"moby/a", "secret"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "config.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer func(old []string) { bundles = old }(bundles)
	bundles = []string{dir + "/moby/"}
	if _, ok := bundleFilter("a"); !ok {
		t.Error("a is not found")
	}
	for _, id := range []string{"*", "../secret", "[a]", "", strings.Repeat("a", 200)} {
		if f, ok := bundleFilter(id); ok {
			t.Errorf("%q: %v", id, f)
		}
	}
}

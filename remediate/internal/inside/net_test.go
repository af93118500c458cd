package inside_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/inside"
)

// TestReach: each kind against a server, and against nobody.
func TestReach(t *testing.T) {
	s, err := inside.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))
	for _, kind := range []string{"tcp", "udp", "http"} {
		if what := inside.Reach(kind, at); what != "answered" {
			t.Errorf("%s: %s", kind, what)
		}
	}
	if s.Count() != 2 {
		t.Errorf("%d connections", s.Count())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"tcp", "udp", "http"} {
		if what := inside.Reach(kind, at); what != "refused" {
			t.Errorf("%s, closed: %s", kind, what)
		}
	}
	if what := inside.Reach("sctp", at); !strings.Contains(what, "no kind") {
		t.Error(what)
	}
}

// TestMute: who accepts and says nothing is a connection, but no answer.
func TestMute(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if what := inside.Reach("tcp", l.Addr().String()); what != "connected" {
		t.Error(what)
	}
}

func TestPing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a raw socket")
	}
	for _, ip := range []string{"127.0.0.1", "::1"} {
		if what := inside.Reach("icmp", ip); what != "answered" {
			t.Errorf("%s: %s", ip, what)
		}
	}
}

// TestReports: the attacks print one JSON document.
func TestReports(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"reach"}, 1, "KIND/ADDRESS"},
		{[]string{"reach", "tcp/127.0.0.1:1", "udp/127.0.0.1:1"}, 0, `{"kind":"udp","address":"127.0.0.1:1","what":"refused"}`},
		{[]string{"say", "a", "b"}, 0, `"said":"a b"`},
		{[]string{"touch", file}, 0, `"touched"`},
		{[]string{"touch", filepath.Dir(file)}, 1, `"error"`},
		{[]string{"listen", "x"}, 1, "PORT SECONDS"},
		{[]string{"dns"}, 1, "NAME"},
	} {
		var out bytes.Buffer
		if code := inside.Main(c.args, &out); code != c.code || !strings.Contains(out.String(), c.want) || !json.Valid(out.Bytes()) {
			t.Errorf("%q: %d %s", c.args, code, out.String())
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is left")
	}
}

func TestGateway(t *testing.T) {
	for line, want := range map[string]string{
		"eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0": "172.17.0.1",
		"eth0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0": "invalid IP",
		"Iface Destination Gateway Flags":                  "invalid IP",
		"eth0 00000000 0100":                               "invalid IP",
		"":                                                 "invalid IP",
	} {
		if got := inside.Gateway4(strings.Fields(line)).String(); got != want && inside.Little {
			t.Errorf("%q: %s", line, got)
		}
	}
	zero := strings.Repeat("0", 32)
	for line, want := range map[string]string{
		zero + " 00 " + zero + " 00 fd000000000000000000000000000001 00000400": "fd00::1",
		zero + " 00 " + zero + " 00 " + zero + " ffffffff":                     "::",
		"fd" + zero[2:] + " 40 " + zero + " 00 " + zero:                        "invalid IP",
		"x": "invalid IP",
	} {
		if got := inside.Gateway6(strings.Fields(line)).String(); got != want {
			t.Errorf("%q: %s", line, got)
		}
	}
}

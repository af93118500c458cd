package lab_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/lab"
)

// Heads of packets: IPv4 from 10.0.0.1 to 198.18.251.6 and IPv6 from fd00::1 to
// fd00::2, protocol and fragment to be filled in.
const (
	head4 = "4500 0000 0000 FRAG 40 PR 0000 0a000001 c612fb06"
	head6 = "60000000 0000 PR 40 fd000000000000000000000000000001 fd000000000000000000000000000002"
	tcp   = "1234 115c 00000000 00000000 50 FL 0000 0000 0000"
)

func packet(t *testing.T, text, proto, fragment, flags string) []byte {
	t.Helper()
	text = strings.NewReplacer("PR", proto, "FRAG", fragment, "FL", flags, " ", "").Replace(text)
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpening(t *testing.T) {
	for _, c := range []struct {
		title, text, proto, fragment, flags string
		to                                  string
		opens                               bool
	}{
		{"SYN", head4 + tcp, "06", "0000", "02", "198.18.251.6", true},
		{"SYN with ECN", head4 + tcp, "06", "4000", "c2", "198.18.251.6", true},
		{"SYN and ACK", head4 + tcp, "06", "0000", "12", "198.18.251.6", false},
		{"ACK", head4 + tcp, "06", "0000", "10", "198.18.251.6", false},
		{"UDP", head4, "11", "0000", "", "198.18.251.6", true},
		{"a later fragment of UDP", head4, "11", "2001", "", "198.18.251.6", false},
		{"echo request", head4 + "0800", "01", "0000", "", "198.18.251.6", true},
		{"echo reply", head4 + "0000", "01", "0000", "", "198.18.251.6", false},
		{"ICMP without a body", head4, "01", "0000", "", "198.18.251.6", false},
		{"SYN over IPv6", head6 + tcp, "06", "", "02", "fd00::2", true},
		{"UDP over IPv6", head6, "11", "", "", "fd00::2", true},
		{"echo request of ICMPv6", head6 + "8000", "3a", "", "", "fd00::2", true},
		{"a neighbour's question", head6 + "8700", "3a", "", "", "fd00::2", false},
		{"nothing", "", "", "", "", "invalid IP", false},
		{"half a head", "4500", "", "", "", "invalid IP", false},
	} {
		to, opens := lab.Opening(packet(t, c.text, c.proto, c.fragment, c.flags))
		if to.String() != c.to || opens != c.opens {
			t.Errorf("%s: %s %v", c.title, to, opens)
		}
	}
}

func FuzzOpening(f *testing.F) {
	f.Add([]byte{0x4f, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(make([]byte, 60))
	f.Fuzz(func(t *testing.T, b []byte) {
		if to, opens := lab.Opening(b); opens && !to.IsValid() {
			t.Error("it goes nowhere")
		}
	})
}

package egress_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestForgedSource: a container that may write raw packets opens a connection in
// the name of whom it wants to reach, to where it may go; what it sends the
// other way then is a reply to connection tracking. Neither packet passes, and
// without the rules about sources both do: the test can fail.
func TestForgedSource(t *testing.T) {
	k := newKernel(t)
	w, s := deny(), randomHost()
	w.Allow = []egress.Allow{{To: "203.0.113.8"}, {To: "2001:db8::8"}}
	for _, backend := range []string{"iptables", "nftables"} {
		for _, cut := range []bool{false, true} {
			w.Backend, w.Cut = backend, cut
			c, why := egress.Compile(w, s)
			if why != "" {
				t.Fatal(why)
			}
			k.put(t, c.Rules())
			got := k.send(t, forgery())
			if want := []bool{false, false, false, false, false, true}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, cut %t: got %v, want %v", backend, cut, got, want)
			}
		}
	}
	w.Backend = "iptables"
	c, _ := egress.Compile(w, s)
	k.put(t, c.Rules()[:1])
	if got := k.send(t, forgery()); !got[0] || !got[1] || !got[2] || !got[3] {
		t.Errorf("without the rules about sources: got %v", got)
	}
	if last := c.Rules()[1]; last.Backend != resource.BackendNFTables {
		t.Errorf("got %v", last)
	}
}

// forgery are two pairs of opening and reply (the source port of packet n is
// 20000+n), a packet from the host's own address, and an honest one.
func forgery() []egress.Conn {
	conn := func(src, dst string, port uint16) egress.Conn {
		return egress.Conn{In: "br-0123456789ab", Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: "udp", Port: port}
	}
	return []egress.Conn{
		conn("203.0.113.2", "203.0.113.8", 20001), conn("203.0.113.8", "203.0.113.2", 20000),
		conn("2001:db8::2", "2001:db8::8", 20003), conn("2001:db8::8", "2001:db8::2", 20002),
		conn("fd00:18::1", "2001:db8::8", 53), conn("172.18.0.2", "203.0.113.8", 53),
	}
}

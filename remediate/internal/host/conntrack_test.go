package host_test

import (
	"context"
	"net"
	"reflect"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestFlows: connections are told as FORWARD sees them; what is over or stays
// inside is not.
func TestFlows(t *testing.T) {
	netns(t)
	scratch.Shell(t, "iptables-nft -A INPUT -m conntrack --ctstate NEW") // tracking begins with the first rule that asks for it
	for _, f := range []struct {
		proto    uint8
		src      string
		port     uint16
		dst      string
		to       uint16
		endsAt   string
		endsPort uint16
		state    uint8
	}{
		{unix.IPPROTO_TCP, "172.17.0.2", 1000, "192.0.2.9", 443, "192.0.2.9", 443, nl.TCP_CONNTRACK_ESTABLISHED},
		{unix.IPPROTO_TCP, "172.17.0.2", 1001, "192.0.2.9", 443, "192.0.2.9", 443, nl.TCP_CONNTRACK_SYN_SENT},
		{unix.IPPROTO_TCP, "172.17.0.2", 1002, "192.0.2.9", 443, "192.0.2.9", 443, nl.TCP_CONNTRACK_TIME_WAIT},
		{unix.IPPROTO_TCP, "172.17.0.2", 1003, "192.0.2.10", 80, "198.51.100.7", 8080, nl.TCP_CONNTRACK_ESTABLISHED},
		{unix.IPPROTO_TCP, "172.17.0.2", 1004, "192.0.2.11", 80, "172.18.0.5", 8080, nl.TCP_CONNTRACK_ESTABLISHED},
		{unix.IPPROTO_TCP, "192.0.2.9", 1005, "172.17.0.3", 80, "172.17.0.3", 80, nl.TCP_CONNTRACK_ESTABLISHED},
		{unix.IPPROTO_UDP, "172.17.0.2", 1006, "239.1.1.1", 53, "239.1.1.1", 53, 0},
		{unix.IPPROTO_UDP, "172.17.0.2", 1007, "255.255.255.255", 67, "255.255.255.255", 67, 0},
		{unix.IPPROTO_UDP, "172.18.0.2", 1008, "192.0.2.53", 53, "192.0.2.53", 53, 0},
		{unix.IPPROTO_UDP, "fd00::2", 1009, "2001:db8::53", 53, "2001:db8::53", 53, 0},
	} {
		flow := &netlink.ConntrackFlow{
			FamilyType: nl.FAMILY_V4, TimeOut: 100,
			Forward: netlink.IPTuple{Protocol: f.proto, SrcIP: ip(f.src), SrcPort: f.port, DstIP: ip(f.dst), DstPort: f.to},
			Reverse: netlink.IPTuple{Protocol: f.proto, SrcIP: ip(f.endsAt), SrcPort: f.endsPort, DstIP: ip(f.src), DstPort: f.port},
		}
		if len(flow.Forward.SrcIP) == net.IPv6len {
			flow.FamilyType = nl.FAMILY_V6
		}
		if f.proto == unix.IPPROTO_TCP {
			flow.ProtoInfo = &netlink.ProtoInfoTCP{State: f.state}
		}
		if err := netlink.ConntrackCreate(netlink.ConntrackTable, netlink.InetFamily(flow.FamilyType), flow); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
	}
	echo(t)

	from := []string{"172.17.0.0/16", "172.18.0.0/16", "fd00::/64", "127.0.0.1/32"}
	got, err := host.NewReader("/", nil, "").Flows(context.Background(), from)
	if err != nil {
		t.Fatal(err)
	}
	want := []resource.Flow{
		{Proto: "icmp", Src: "127.0.0.1", Dst: "127.0.0.2", Count: 1},
		{Proto: "tcp", Src: "172.17.0.2", Dst: "192.0.2.9", Port: 443, Count: 2},
		{Proto: "tcp", Src: "172.17.0.2", Dst: "198.51.100.7", Port: 8080, Count: 1},
		{Proto: "udp", Src: "172.18.0.2", Dst: "192.0.2.53", Port: 53, Count: 1},
		{Proto: "udp", Src: "fd00::2", Dst: "2001:db8::53", Port: 53, Count: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nnot %+v", got, want)
	}
}

// echo asks 127.0.0.2 for an answer, from 127.0.0.1.
func echo(t *testing.T) {
	t.Helper()
	c, err := net.DialIP("ip4:icmp", &net.IPAddr{IP: ip("127.0.0.1")}, &net.IPAddr{IP: ip("127.0.0.2")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// type 8, checksum, id 7, sequence number 1
	if _, err := c.Write([]byte{8, 0, 0xf7, 0xf7, 0, 7, 0, 1}); err != nil {
		t.Fatal(err)
	}
}

func ip(s string) net.IP {
	a := net.ParseIP(s)
	if v4 := a.To4(); v4 != nil {
		return v4
	}
	return a
}

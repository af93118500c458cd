package egress_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestKernelAgrees puts random policies into a real kernel, sends packets of
// random connections through it, and compares what comes out with what the
// policy itself says.
func TestKernelAgrees(t *testing.T) {
	k := newKernel(t)
	const policies, packets = 15, 300
	passed, total := 0, 0
	for _, backend := range []string{"iptables/nft", "iptables/legacy", "nftables/"} {
		for seed := range uint64(policies) {
			r := rand.New(rand.NewPCG(seed, 7))
			c, sample := k.load(t, backend, r), make([]egress.Conn, packets)
			for i := range sample {
				sample[i] = randomConn(r)
			}
			for i, got := range k.send(t, sample) {
				if want := c.Lets(sample[i], links); got != want {
					t.Fatalf("%s, seed %d: %s: passed %t, the policy says %t\n%s", backend, seed, describe(sample[i]), got, want, listing(c.Rules()))
				}
				if got {
					passed++
				}
				total++
			}
		}
	}
	t.Logf("%d of %d passed", passed, total)
	if passed < total/5 || passed > total*4/5 {
		t.Errorf("%d of %d passed: such a sample proves little", passed, total)
	}
}

// TestSameBridge: containers on one network reach each other if the policy
// lets them; the default network and another do not reach each other, nor does
// any what lies behind a bridge of others that is called like Docker's.
func TestSameBridge(t *testing.T) {
	k := newKernel(t)
	at := netip.MustParseAddr
	for _, icc := range []bool{true, false} {
		w, s := deny(), randomHost()
		w.ICC, s.Host.Value.BridgeNF = icc, "1"
		for _, backend := range []string{"iptables", "nftables"} {
			w.Backend = backend
			c, why := egress.Compile(w, s)
			if why != "" {
				t.Fatal(why)
			}
			k.put(t, c.Rules())
			got := k.send(t, []egress.Conn{
				{In: "docker0", Src: at("172.17.0.3"), Dst: at("172.17.0.4"), Proto: "tcp", Port: 80},
				{In: "br-ffffffffffff", Src: at("172.19.0.2"), Dst: at("172.19.0.3"), Proto: "udp", Port: 80},
				{In: "docker0", Src: at("172.17.0.3"), Dst: at("172.18.0.2"), Proto: "tcp", Port: 80},
				{In: "br-0123456789ab", Src: at("172.18.0.3"), Dst: at("172.17.0.2"), Proto: "tcp", Port: 80},
				{In: "br-0123456789ab", Src: at("172.18.0.3"), Dst: at("10.1.0.9"), Proto: "tcp", Port: 80},
				{In: "eth1", Src: at("10.2.0.2"), Dst: at("172.17.0.2"), Proto: "tcp", Port: 80},
			})
			if want := []bool{icc, icc, false, false, false, true}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("icc %t, %s: got %v, want %v", icc, backend, got, want)
			}
		}
	}
}

// A kernel is a network namespace with the interfaces of a Docker host, of
// which the test holds the other ends: a router without a wire.
type kernel struct {
	ends map[string]int // file descriptors of the interfaces
}

var links = map[string][]string{
	"docker0": {"172.17.0.1/16", "fd00:17::1/64"}, "br-0123456789ab": {"172.18.0.1/16", "fd00:18::1/64"},
	"br-ffffffffffff": {"172.19.0.1/16", "fd00:19::1/64"}, "br-lan": {"10.1.0.1/24", "fd00:1::1/64"},
	"eth1": {"10.2.0.1/24", "fd00:2::1/64"}, "up0": {"10.3.0.1/24", "fd00:3::1/64"},
}

// newKernel keeps the test on its thread, with which the namespace ends.
func newKernel(t *testing.T) *kernel {
	t.Helper()
	scratch.Netns(t)
	scratch.Shell(t, `cd /proc/sys/net
		echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding
		for f in ipv4/conf/*/rp_filter ipv4/conf/*/send_redirects ipv6/conf/*/accept_dad; do echo 0 > $f; done`)
	k := &kernel{ends: map[string]int{}}
	for name, addresses := range links {
		k.ends[name] = tun(t, name)
		for _, a := range addresses {
			scratch.Shell(t, "ip addr add "+a+" dev "+name)
		}
		scratch.Shell(t, "ip link set "+name+" up")
	}
	scratch.Shell(t, "ip route add default dev up0; ip -6 route add default dev up0")
	return k
}

// tun makes an interface whose packets the test reads and writes (tun(4)).
func tun(t *testing.T, name string) int {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	var req [40]byte // struct ifreq
	copy(req[:unix.IFNAMSIZ-1], name)
	binary.NativeEndian.PutUint16(req[unix.IFNAMSIZ:], unix.IFF_TUN|unix.IFF_NO_PI)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&req))); e != 0 {
		t.Fatal(e)
	}
	return fd
}

func (k *kernel) load(t *testing.T, backend string, r *rand.Rand) egress.Compiled {
	t.Helper()
	w, s := randomWant(r), randomHost()
	var variant string
	w.Backend, variant, _ = strings.Cut(backend, "/")
	if variant != "" {
		s.Firewall.Value.Filters = []resource.Filter{dockerFilter("ip", variant), dockerFilter("ip6", variant)}
	}
	c, why := egress.Compile(w, s)
	if why != "" {
		t.Fatal(why)
	}
	k.put(t, c.Rules())
	return c
}

// put flushes what is there and loads the rules as their text says.
func (k *kernel) put(t *testing.T, rules []resource.Ruleset) {
	t.Helper()
	scratch.Shell(t, "nft flush ruleset; for f in iptables-legacy ip6tables-legacy; do $f -F; $f -X; done")
	for _, rs := range rules {
		for _, table := range rs.Tables {
			if rs.Backend == resource.BackendNFTables {
				load(t, nftText(table), "nft", "-f", "-")
				continue
			}
			for _, set := range table.Sets {
				if err := host.PutSet(set); err != nil {
					t.Fatal(err)
				}
			}
			program := map[string]string{"ip": "iptables", "ip6": "ip6tables"}[table.Family]
			load(t, iptablesText(table), program+"-"+rs.Variant+"-restore")
		}
	}
}

func load(t *testing.T, text string, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", argv, err, out, text)
	}
}

func iptablesText(table resource.RuleTable) string {
	var b strings.Builder
	b.WriteString("*filter\n:DOCKER-USER - [0:0]\n")
	for _, c := range table.Chains {
		fmt.Fprintf(&b, ":%s - [0:0]\n", c.Name)
	}
	b.WriteString("-A FORWARD -j DOCKER-USER\n")
	for _, j := range table.Jumps {
		fmt.Fprintf(&b, "-A %s -j %s\n", j.From, j.To)
	}
	for _, c := range table.Chains {
		for _, rule := range c.Rules {
			fmt.Fprintf(&b, "-A %s %s\n", c.Name, rule)
		}
	}
	return b.String() + "COMMIT\n"
}

func nftText(table resource.RuleTable) string {
	var b strings.Builder
	b.WriteString("table inet bulwark {\n")
	for _, s := range table.Sets {
		kind := map[string]string{"ip": "ipv4_addr", "ip6": "ipv6_addr"}[s.Family]
		fmt.Fprintf(&b, "set %s {\ntype %s\nflags interval\nelements = { %s }\n}\n", s.Name, kind, strings.Join(s.Members, ", "))
	}
	for i := len(table.Chains) - 1; i >= 0; i-- {
		c := table.Chains[i]
		fmt.Fprintf(&b, "chain %s {\n%s\n%s\n}\n", c.Name, c.Hook, strings.Join(c.Rules, "\n"))
	}
	return b.String() + "}\n"
}

// marker ends a sample: nobody stops it, and the kernel keeps the order.
var marker = egress.Conn{In: "eth1", Src: netip.MustParseAddr("10.2.0.2"), Dst: netip.MustParseAddr("198.51.100.1"), Proto: "253"}

// send writes one packet for each connection and says which came out.
func (k *kernel) send(t *testing.T, sample []egress.Conn) []bool {
	t.Helper()
	for i, c := range append(sample, marker) {
		if _, err := unix.Write(k.ends[c.In], packet(c, uint32(i))); err != nil {
			t.Fatal(err)
		}
	}
	out := make([]bool, len(sample)+1)
	for end := time.Now().Add(10 * time.Second); !out[len(sample)]; {
		if time.Now().After(end) {
			t.Fatal("the packet that nobody stops did not come out")
		}
		for _, fd := range k.ends {
			receive(fd, append(sample, marker), out)
		}
	}
	return out[:len(sample)]
}

// receive notes which packets of a sample wait at one end; the kernel sends
// others there too.
func receive(fd int, sample []egress.Conn, out []bool) {
	var buf [2048]byte
	for {
		n, err := unix.Read(fd, buf[:])
		if err != nil {
			return
		}
		if n < 8 {
			continue
		}
		i := int(binary.BigEndian.Uint32(buf[n-4 : n]))
		if i < len(sample) && string(addressed(buf[:n])) == string(sample[i].Dst.AsSlice()) {
			out[i] = true
		}
	}
}

func addressed(p []byte) []byte {
	if p[0]>>4 == 4 {
		return p[16:20]
	}
	return p[24:40]
}

var numbers = map[string]byte{"tcp": 6, "udp": 17, "sctp": 132, "253": 253}

// packet is the first of a connection, with a number at its end by which it is
// known again. Nobody on its way looks at the checksum of its payload.
func packet(c egress.Conn, id uint32) []byte {
	body := make([]byte, 40)
	binary.BigEndian.PutUint16(body[0:], uint16(20000+id))
	binary.BigEndian.PutUint16(body[2:], c.Port)
	proto, ok := numbers[c.Proto]
	switch {
	case c.Proto == "tcp":
		body[12], body[13] = 5<<4, 2 // header of 20 bytes, SYN
	case c.Proto == "udp":
		binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
	case !ok: // ICMP echo
		proto = map[bool]byte{true: 1, false: 58}[c.Src.Is4()]
		body[0], body[1] = map[bool]byte{true: 8, false: 128}[c.Src.Is4()], 0
	}
	binary.BigEndian.PutUint32(body[len(body)-4:], id)
	return append(header(c, proto, len(body)), body...)
}

func header(c egress.Conn, proto byte, payload int) []byte {
	if !c.Src.Is4() {
		h := make([]byte, 8, 40)
		h[0], h[6], h[7] = 6<<4, proto, 64
		binary.BigEndian.PutUint16(h[4:], uint16(payload))
		return append(append(h, c.Src.AsSlice()...), c.Dst.AsSlice()...)
	}
	h := make([]byte, 20)
	h[0], h[8], h[9] = 4<<4|5, 64, proto
	binary.BigEndian.PutUint16(h[2:], uint16(20+payload))
	copy(h[12:], c.Src.AsSlice())
	copy(h[16:], c.Dst.AsSlice())
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	binary.BigEndian.PutUint16(h[10:], ^uint16(sum%0xffff))
	return h
}

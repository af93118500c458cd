package firewall_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// swaps is how often each backend's rules are exchanged under load; the
// environment variable BULWARK_SWAPS makes it more.
const swaps = 25

// TestSwap: while rules are exchanged again and again, not one packet that
// both the old and the new rules deny passes, and not one that both allow is
// lost.
func TestSwap(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		b.jump(t)
		swap(t, b.rules)
	})
}

// TestSwapBoth: the same where rules stand in two places at once, which are not
// swapped in the same moment.
func TestSwapBoth(t *testing.T) {
	scratch.Netns(t)
	xt, nft := backends[0], backends[2]
	xt.jump(t)
	swap(t, func(n int) []resource.Ruleset { return append(xt.rules(n), nft.rules(n)...) })
}

func swapsWanted(t *testing.T) int {
	t.Helper()
	s := os.Getenv("BULWARK_SWAPS")
	if s == "" {
		return swaps
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("BULWARK_SWAPS: %v", err)
	}
	return n
}

func swap(t *testing.T, rules func(n int) []resource.Ruleset) {
	t.Helper()
	n := swapsWanted(t)
	wire(t)
	load(t, rules(1))
	f := startFlood(t)
	began := time.Now()
	for i := range n {
		if err := firewall.Load(context.Background(), rules(i%2), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d swaps in %s", n, time.Since(began).Round(time.Millisecond))
	f.end()
	for _, s := range f.streams {
		s.held(t, n)
	}
	wantOwn(t, rules((n-1)%2))
}

func (s *stream) held(t *testing.T, swaps int) {
	t.Helper()
	sent, received := s.sent.Load(), s.received.Load()
	t.Logf("%s: %d sent, %d received", s.to, sent, received)
	switch {
	case sent < int64(20*swaps):
		t.Errorf("%s: %d packets in %d swaps prove nothing", s.to, sent, swaps)
	case s.denied && received != 0:
		t.Errorf("%s: %d packets came through", s.to, received)
	case !s.denied && received != sent:
		t.Errorf("%s: %d packets were lost", s.to, sent-received)
	}
}

// TestSwapCanFail: the same flood shows the gap of a swap that has one.
func TestSwapCanFail(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		wire(t)
		b.jump(t)
		load(t, b.rules(1))
		f := startFlood(t)
		for range 100 {
			b.carelessly(t)
			load(t, b.rules(1))
			if f.caught() {
				break
			}
		}
		f.end()
		if !f.caught() {
			for _, s := range f.streams {
				t.Errorf("%s: of %d packets %d were received: the gap was not seen", s.to, s.sent.Load(), s.received.Load())
			}
		}
	})
}

// carelessly first opens and then closes everything for a moment.
func (b backend) carelessly(t *testing.T) {
	t.Helper()
	if b.variant == "" {
		scratch.Shell(t, "nft flush chain inet bulwark out; sleep 0.03; nft insert rule inet bulwark forward drop; sleep 0.1; nft flush chain inet bulwark forward")
		return
	}
	for _, xt := range []string{"iptables-", "ip6tables-"} {
		scratch.Shell(t, strings.ReplaceAll("XT -F BULWARK-OUT; sleep 0.03; XT -I BULWARK-OUT -j DROP; sleep 0.1; XT -F BULWARK-OUT", "XT", xt+b.variant))
	}
}

// jump is what dockerd does when it starts.
func (b backend) jump(t *testing.T) {
	t.Helper()
	if b.variant != "" {
		scratch.Shell(t, strings.ReplaceAll("iptables-V -N DOCKER-USER; iptables-V -I FORWARD -j DOCKER-USER; ip6tables-V -N DOCKER-USER; ip6tables-V -I FORWARD -j DOCKER-USER", "V", b.variant))
	}
}

// A flood sends as fast as the router forwards, by turns to addresses that are
// denied and allowed, of both families.
type flood struct {
	streams       []*stream
	stop, stopped chan struct{}
}

// A stream is packets to one address.
type stream struct {
	to                   string
	denied               bool
	out, in              *net.UDPConn
	sent, received, lost atomic.Int64
}

func startFlood(t *testing.T) *flood {
	t.Helper()
	f := &flood{stop: make(chan struct{}), stopped: make(chan struct{})}
	for _, to := range []string{allowed4, denied4, allowed6, denied6} {
		s := newStream(t, to)
		if s.denied = to == denied4 || to == denied6; !s.denied {
			s.warmUp(t)
		}
		f.streams = append(f.streams, s)
	}
	go f.run()
	t.Cleanup(f.end)
	return f
}

func newStream(t *testing.T, address string) *stream {
	t.Helper()
	to := &net.UDPAddr{IP: net.ParseIP(address), Port: 9}
	s := &stream{to: address}
	var err, err2 error
	s.in, err = in("b", func() (*net.UDPConn, error) { return net.ListenUDP("udp", to) })
	s.out, err2 = in("a", func() (*net.UDPConn, error) { return net.DialUDP("udp", nil, to) })
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	t.Cleanup(func() { s.in.Close(); s.out.Close() })
	enlarge(t, s.in)
	go s.count()
	return s
}

func (s *stream) count() {
	b := make([]byte, 64)
	for {
		if _, err := s.in.Read(b); err != nil {
			return
		}
		s.received.Add(1)
	}
}

// enlarge makes the receiver's buffer far greater than the window.
func enlarge(t *testing.T, c *net.UDPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// window is how many allowed packets may be on their way: less than any queue
// between here and there holds, so that only rules can lose one.
const window = 200

func (s *stream) send() {
	if _, err := s.out.Write([]byte("x")); err == nil {
		s.sent.Add(1)
	}
}

// settle waits until all but a few of what was sent has come. What does not
// come for so long is taken for lost, so that the flood goes on.
func (s *stream) settle(within int64, patience time.Duration) {
	for deadline := time.Now().Add(patience); s.sent.Load()-s.received.Load()-s.lost.Load() > within; runtime.Gosched() {
		if time.Now().After(deadline) {
			s.lost.Store(s.sent.Load() - s.received.Load())
		}
	}
}

// warmUp lets both ends find their neighbours, which takes packets of its own.
func (s *stream) warmUp(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Second); s.received.Load() == 0; time.Sleep(10 * time.Millisecond) {
		s.send()
		if time.Now().After(deadline) {
			t.Fatalf("%s cannot be reached", s.to)
		}
	}
	s.settle(0, 300*time.Millisecond)
	s.sent.Store(s.received.Load())
	s.lost.Store(0)
}

func (f *flood) run() {
	defer close(f.stopped)
	for {
		select {
		case <-f.stop:
			return
		default:
		}
		for _, s := range f.streams {
			for range window / 8 {
				s.send()
			}
		}
		for _, s := range f.streams {
			if !s.denied {
				s.settle(window, 200*time.Millisecond)
			}
		}
	}
}

// end stops the flood and waits for what is on its way.
func (f *flood) end() {
	select {
	case <-f.stop:
		return
	default:
		close(f.stop)
	}
	<-f.stopped
	for _, s := range f.streams {
		if !s.denied {
			s.settle(0, 3*time.Second)
		}
	}
	time.Sleep(20 * time.Millisecond)
}

// caught says that of each family a denied packet came and an allowed did not.
func (f *flood) caught() bool {
	for _, s := range f.streams {
		if s.denied && s.received.Load() == 0 || !s.denied && s.lost.Load() == 0 {
			return false
		}
	}
	return true
}

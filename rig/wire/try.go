package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"
)

// try makes all probes at once and prints for each, in order, what came of it:
// open (an answer), silent (nothing came back) or refused (an error did).
func try(args []string) error {
	flags := flag.NewFlagSet("try", flag.ContinueOnError)
	limit := flags.Duration("t", 3*time.Second, "how long to wait for an answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	results := make([]chan string, flags.NArg())
	for i, probe := range flags.Args() {
		results[i] = make(chan string, 1)
		go func() { results[i] <- outcome(ask(probe, *limit)) }()
	}
	for i, r := range results {
		fmt.Println(<-r, flags.Arg(i))
	}
	return nil
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "open"
	case errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err):
		return "silent"
	}
	fmt.Fprintln(os.Stderr, err)
	return "refused"
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// ask sends until an answer comes: a packet may be lost while a neighbour's
// address is still looked up.
func ask(probe string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	conn, request, err := open(probe, limit/3)
	for isTimeout(err) && time.Now().Before(deadline) {
		conn, request, err = open(probe, limit/3) // sooner than the kernel repeats a SYN
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	for time.Now().Before(deadline) {
		if err = exchange(conn, request, 300*time.Millisecond); err == nil || !isTimeout(err) {
			return err
		}
	}
	return err
}

func exchange(conn net.Conn, request []byte, wait time.Duration) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	return answer(conn)
}

// answer waits for an answer. A raw socket sees neighbour discovery too, which
// is none: only an echo reply is.
func answer(conn net.Conn) error {
	buf := make([]byte, 2048)
	raw, ok := conn.(*net.IPConn)
	if !ok {
		_, err := conn.Read(buf)
		return err
	}
	for {
		n, _, err := raw.ReadFrom(buf) // without the IP header, which Read leaves in
		if err != nil || n > 0 && (buf[0] == 0 || buf[0] == 129) {
			return err
		}
	}
}

// open returns a connection of the probe's kind and what to send over it. The
// kernel filters raw sockets by address.
func open(probe string, limit time.Duration) (net.Conn, []byte, error) {
	kind, addr, _ := strings.Cut(probe, "/")
	switch kind {
	case "icmp4":
		conn, err := net.DialTimeout("ip4:icmp", addr, limit)
		return conn, echoRequest(8), err
	case "icmp6":
		conn, err := net.DialTimeout("ip6:ipv6-icmp", addr, limit)
		return conn, echoRequest(128), err
	case "tcp4", "tcp6", "udp4", "udp6":
		conn, err := net.DialTimeout(kind, addr, limit)
		return conn, []byte("probe\n"), err
	}
	return nil, nil, fmt.Errorf("cannot probe %q: want tcp4/HOST:PORT, udp6/[ADDR]:PORT, icmp4/HOST or their like", probe)
}

// echoRequest has an id of its own: with that of an earlier one it would belong
// to a flow that connection tracking knows. The kernel overwrites the checksum
// of ICMPv6.
func echoRequest(kind byte) []byte {
	id := rand.N(uint32(0x7000)) // small enough for the sum to have no carry
	sum := ^(uint32(kind)<<8 + id + 1)
	return []byte{kind, 0, byte(sum >> 8), byte(sum), byte(id >> 8), byte(id), 0, 1}
}

// hold keeps a connection busy and ends when no answer comes for 3 seconds.
func hold(args []string) error {
	conn, request, err := open(args[0], 10*time.Second)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := exchange(conn, request, 3*time.Second); err != nil {
			return fmt.Errorf("cut after %d answers: %w", n, err)
		}
		if n == 0 {
			fmt.Println("held")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// beat tries to get out for as long as it runs.
func beat(args []string) error {
	for {
		for _, probe := range args {
			go func() {
				if ask(probe, time.Second) == nil {
					fmt.Println("open", probe)
				}
			}()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// drip sends to each address once a millisecond, for as long as it runs: often
// enough to find a gap, and the machine still has time for others.
func drip(args []string) error {
	packet := make([]byte, 64)
	var conns []net.Conn
	for _, addr := range args {
		conn, err := net.Dial("udp", addr)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
	}
	for range time.Tick(time.Millisecond) {
		for _, conn := range conns {
			_, _ = conn.Write(packet) // refused or dropped: that is the matter
		}
	}
	return nil
}

func flood(args []string) error {
	limit, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", args[0])
	if err != nil {
		return err
	}
	packet := make([]byte, 64)
	n := 0
	for end := time.Now().Add(limit); time.Now().Before(end); {
		for range 64 { // the clock is not asked for each packet
			if _, err := conn.Write(packet); err == nil {
				n++
			}
		}
	}
	fmt.Println(n)
	return nil
}

func count(args []string) error {
	limit, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", args[0])
	if err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	for n := 0; ; n++ {
		if _, _, err := conn.ReadFrom(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			fmt.Println(n)
			return nil
		}
	}
}

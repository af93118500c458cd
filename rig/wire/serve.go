package main

import (
	"fmt"
	"io"
	"net"
	"strings"
)

// serve echoes on each address of its own: a socket for all would answer UDP
// from the first address, whichever was asked.
func serve(ports []string) error {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP
		if ip.IsLinkLocalUnicast() {
			continue
		}
		for _, p := range ports {
			port, proto, _ := strings.Cut(p, "/")
			if err := listen(proto, net.JoinHostPort(ip.String(), port)); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	select {}
}

func listen(proto, addr string) error {
	if proto == "udp" {
		conn, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		go echoPackets(conn)
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	go accept(l)
	return nil
}

func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

func echoPackets(conn net.PacketConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err == nil {
			_, _ = conn.WriteTo(buf[:n], from)
		}
	}
}

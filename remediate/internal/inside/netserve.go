package inside

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// A Server answers on one port: what is sent comes back, a question of HTTP is
// answered with a script that does nothing.
type Server struct {
	tcp   net.Listener
	udp   net.PacketConn
	count atomic.Int64
	slots chan struct{}
}

const (
	// served bounds the connections at one time, turn the time of each.
	served = 64
	turn   = 3 * time.Second
)

// Serve answers on a TCP and UDP port until it is closed. The sockets belong to
// the network namespace of the caller's thread.
func Serve(address string) (*Server, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
		return nil, err
	}
	s := &Server{tcp: tcp, udp: udp, slots: make(chan struct{}, served)}
	go s.connections()
	go s.packets()
	return s, nil
}

// Port is the number of its port, Count how many connections there were.
func (s *Server) Port() int  { return s.tcp.Addr().(*net.TCPAddr).Port }
func (s *Server) Count() int { return int(s.count.Load()) }

// Close ends it; connections end within their time.
func (s *Server) Close() error { return errors.Join(s.tcp.Close(), s.udp.Close()) }

func (s *Server) connections() {
	for {
		c, err := s.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptors left: it passes
			time.Sleep(turn / 100)
			continue
		}
		s.count.Add(1)
		select {
		case s.slots <- struct{}{}:
			go s.answer(c)
		default:
			c.Close()
		}
	}
}

func (s *Server) answer(c net.Conn) {
	defer func() { c.Close(); <-s.slots }()
	_ = c.SetDeadline(time.Now().Add(turn))
	b := make([]byte, 1024)
	n, err := c.Read(b)
	if err != nil {
		return
	}
	_, _ = c.Write(answerTo(b[:n]))
}

func answerTo(question []byte) []byte {
	if strings.HasPrefix(string(question), "GET ") {
		return []byte("HTTP/1.0 200 OK\r\nContent-Type: text/x-shellscript\r\n\r\n#!/bin/sh\n# Harmless: made for bulwark prove.\n")
	}
	return question
}

func (s *Server) packets() {
	b := make([]byte, 1024)
	for {
		n, from, err := s.udp.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = s.udp.WriteTo(b[:n], from)
		}
	}
}

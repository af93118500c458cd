package lab

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// A collector receives lines of syslog over TCP and UDP.
type collector struct {
	tcp net.Listener
	udp net.PacketConn

	mu   sync.Mutex
	got  []string
	open map[net.Conn]bool
}

// Bounds of what is kept.
const (
	collectLines = 1000
	collectLine  = 8 << 10
	collectConns = 16
	collectTime  = 2 * time.Minute // of one connection
)

func collect() (*collector, error) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
		return nil, err
	}
	c := &collector{tcp: tcp, udp: udp, open: map[net.Conn]bool{}}
	go c.accept()
	go c.packets()
	return c, nil
}

func (c *collector) address() string { return c.tcp.Addr().String() }

func (c *collector) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func (c *collector) close() error {
	err := errors.Join(c.tcp.Close(), c.udp.Close())
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		conn.Close()
	}
	return err
}

func (c *collector) accept() {
	for {
		conn, err := c.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Second / 10)
		case !c.admit(conn):
			conn.Close()
		default:
			go c.read(conn)
		}
	}
}

func (c *collector) admit(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= collectConns {
		return false
	}
	c.open[conn] = true
	return true
}

func (c *collector) read(conn net.Conn) {
	defer func() {
		c.mu.Lock()
		delete(c.open, conn)
		c.mu.Unlock()
		conn.Close()
	}()
	_ = conn.SetDeadline(time.Now().Add(collectTime))
	s := bufio.NewScanner(io.LimitReader(conn, collectLines*collectLine))
	s.Buffer(nil, collectLine)
	for s.Scan() {
		c.keep(s.Text())
	}
}

func (c *collector) packets() {
	b := make([]byte, collectLine)
	for {
		n, _, err := c.udp.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			c.keep(string(b[:n]))
		}
	}
}

func (c *collector) keep(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.got) < collectLines {
		c.got = append(c.got, line)
	}
}

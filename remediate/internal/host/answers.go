package host

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/moby/moby/client"
)

// A bound is how much a daemon may say: it is asked by root, and whoever
// answers on its socket need not be dockerd.
type bound struct {
	// bytes and values bound the answer to one request. Values are counted by
	// their commas: two bytes of JSON may be a struct of 300 in memory.
	bytes, values int64
	// all bounds all answers to one client together.
	all int64
}

// A container's inspection has some 5 KB, a list 1 KB for each container (Docker
// 20.10, busybox); labels come on top.
var (
	boundOne  = bound{bytes: 4 << 20, values: 1 << 16, all: 128 << 20}
	boundList = bound{bytes: 64 << 20, values: 1 << 20, all: 128 << 20}
)

// maxContainers is above what a host can run: a bridge has 1,023 ports.
const maxContainers = 10_000

// dial returns a client; it negotiates the API version by itself: Engine 29 has
// a floor of 1.40 or 1.44, Engine 20.10 a ceiling of 1.41.
func dial(host string, b bound) (*client.Client, error) {
	at, err := client.ParseHostURL(host)
	if err != nil {
		return nil, err
	}
	all := new(atomic.Int64)
	return client.New(client.WithHost(host), client.WithDialContext(func(ctx context.Context, network, addr string) (net.Conn, error) {
		if at.Scheme == "unix" {
			network, addr = at.Scheme, at.Host
		}
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &answers{Conn: c, bound: b, all: all}, nil
	}))
}

// answers is a connection that ends when an answer is larger than its bound.
// Requests are not pipelined, so that a write begins the next one.
type answers struct {
	net.Conn
	bound
	read, commas int64
	all          *atomic.Int64
	fresh        atomic.Bool
}

func (a *answers) Write(p []byte) (int, error) {
	a.fresh.Store(true)
	return a.Conn.Write(p)
}

func (a *answers) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	if a.fresh.Swap(false) {
		a.read, a.commas = 0, 0
	}
	a.read += int64(n)
	a.commas += int64(bytes.Count(p[:n], []byte{','}))
	switch {
	case a.read > a.bytes:
		return 0, fmt.Errorf("its answer has more than %d MiB", a.bytes>>20)
	case a.commas > a.values:
		return 0, fmt.Errorf("its answer has more than %d values", a.values)
	case a.all.Add(int64(n)) > a.bound.all:
		return 0, fmt.Errorf("its answers have more than %d MiB in all", a.bound.all>>20)
	}
	return n, err
}

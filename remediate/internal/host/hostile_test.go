package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// socket answers each connection by serve.
func socket(t testing.TB, serve func(c net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return "unix://" + l.Addr().String()
}

const ok = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"

// answering reads requests and answers pings; to anything else it writes
// head and then more for ever, or once if more is nil.
func answering(head string, more func(w io.Writer) error) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if bytes.Contains(buf[:n], []byte("/_ping")) {
				fmt.Fprint(c, ok+"Content-Length: 0\r\n\r\n")
				continue
			}
			if _, err := io.WriteString(c, head); err != nil {
				return
			}
			for err == nil && more != nil {
				err = more(c)
			}
		}
	}
}

func repeat(s string) func(io.Writer) error {
	block := []byte(strings.Repeat(s, 1<<20/len(s)+1))
	return func(w io.Writer) error { _, err := w.Write(block); return err }
}

func every(d time.Duration, s string) func(io.Writer) error {
	return func(w io.Writer) error { time.Sleep(d); _, err := io.WriteString(w, s); return err }
}

const endless = ok + "\r\n"

func once(body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", ok, len(body), body)
}

// hostileDaemons are what may answer on the socket, and what is said of it.
var hostileDaemons = []struct {
	name  string
	serve func(net.Conn)
	want  string
}{
	{"accepts and is silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "does not answer in time"},
	{"says its headers only", answering(ok+"Content-Length: 10\r\n\r\n", every(time.Hour, "")), "does not answer in time"},
	{"trickles", answering(endless+"[", every(50*time.Millisecond, " ")), "does not answer in time"},
	{"trickles headers", answering(ok, every(50*time.Millisecond, "X-A: b\r\n")), "does not answer in time"},
	{"spaces without end", answering(endless+"[", repeat(" ")), "more than 64 MiB"},
	{"a string without end", answering(endless+`[{"Id":"`, repeat("a")), "more than 64 MiB"},
	{"an array without end", answering(endless+"[{}", repeat(",{}")), "more than 1048576 values"},
	{"an array of numbers", answering(endless+"[1", repeat(",1")), "more than 1048576 values"},
	{"nested without end", answering(endless, repeat("[")), "max depth"},
	{"headers without end", answering(ok, repeat("X-A: b\r\n")), "cannot ask the Docker daemon"},
	{"a huge length", answering(ok+"Content-Length: 10737418240\r\n\r\n[", repeat(" ")), "more than 64 MiB"},
	{"an error without end", answering("HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n", repeat("no ")), "cannot ask the Docker daemon"},
	{"an error of many words", answering("HTTP/1.1 500 No\r\nContent-Length: 100001\r\n\r\n"+strings.Repeat("no\n", 33334)[:100001], nil), "no no no"},
	{"not HTTP", answering("SSH-2.0-OpenSSH_9.6\r\n", nil), "cannot ask the Docker daemon"},
	{"a redirect", answering("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", nil), "cannot ask the Docker daemon"},
	{"HTML", answering(once("<html>"), nil), "cannot ask the Docker daemon"},
	{"another type", answering(once(`{"Id": 1}`), nil), "cannot ask the Docker daemon"},
	{"numbers for ids", answering(once(`[{"Id": 1}]`), nil), "cannot ask the Docker daemon"},
	{"no ids", answering(once(`[null, {}]`), nil), `the id ""`},
	{"ids that are paths", answering(once(`[{"Id": "../../*/*"}]`), nil), `the id "../../*/*"`},
	{"cut off", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }, "cannot ask the Docker daemon"},
	{"too many containers", answering(once("["+strings.Repeat(`{"Id":"a"},`, 10_000)+`{"Id":"a"}]`), nil), "lists 10001, and at most 10000"},
}

// TestHostileDaemon: whoever answers on the Docker socket, the question ends
// with a short line that says why.
func TestHostileDaemon(t *testing.T) {
	for _, d := range hostileDaemons {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := host.NewReader("/", nil, socket(t, d.serve))
			ctx, cancel := context.WithTimeout(t.Context(), patience(d.want))
			defer cancel()
			list, err := r.Containers(ctx)
			if err == nil || !strings.Contains(err.Error(), d.want) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%d containers, %.2000v, want %q", len(list), err, d.want)
			}
			if _, err := r.Engine(ctx); err == nil {
				t.Error("the engine is known")
			}
		})
	}
}

// patience is short where only the end of the time ends the question.
func patience(want string) time.Duration {
	if want == "does not answer in time" {
		return time.Second
	}
	return time.Minute
}

// TestLyingList: a daemon whose containers each answer without end is not read
// for all of them.
func TestLyingList(t *testing.T) {
	list := once("[" + strings.Repeat(`{"Id":"a"},`, 9_000) + `{"Id":"a"}]`)
	address := socket(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		body := once(`{"Id":"a","Config":{"Labels":{"l":"` + strings.Repeat("x", 3<<20) + `"}}}`)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			say := body
			switch {
			case bytes.Contains(buf[:n], []byte("/_ping")):
				say = ok + "Content-Length: 0\r\n\r\n"
			case bytes.Contains(buf[:n], []byte("/containers/json")):
				say = list
			}
			if _, err := io.WriteString(c, say); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := host.NewReader("/", nil, address).Containers(ctx)
	if err == nil || !strings.Contains(err.Error(), "more than 128 MiB in all") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

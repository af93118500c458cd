package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Bounds of a plan whatever answers on the Docker socket: the first questions
// have 15 s together, one for its networks 15 s after that. The rest is for a busy
// machine. The memory is maximum resident set, which a child inherits from the
// test.
const (
	planEnds = time.Minute
	planHas  = 512 << 10 // KiB
)

const okHead = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"

func whole(body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", okHead, len(body), body)
}

// A liar answers one request, of which path is the target; false ends the
// connection.
type liar func(w io.Writer, path string) bool

// says answers with the same, then with more until that fails.
func says(head string, more func(w io.Writer) error) liar {
	return func(w io.Writer, path string) bool {
		if strings.Contains(path, "/_ping") {
			_, err := io.WriteString(w, okHead+"Content-Length: 0\r\n\r\n")
			return err == nil
		}
		_, err := io.WriteString(w, head)
		for err == nil && more != nil {
			err = more(w)
		}
		return err == nil
	}
}

func flood(s string) func(io.Writer) error {
	block := []byte(strings.Repeat(s, 1<<20/len(s)+1))
	return func(w io.Writer) error { _, err := w.Write(block); return err }
}

func trickle(s string) func(io.Writer) error {
	return func(w io.Writer) error { time.Sleep(time.Second); _, err := io.WriteString(w, s); return err }
}

// swaps gives a list, and nothing of the kind the next time.
func swaps() liar {
	var n atomic.Int64
	return func(w io.Writer, path string) bool {
		answers := []string{`[{"Id":"a"}]`, `{"Id":"b","State":{"Running":true,"Pid":1}}`, "null", "[null]", `{"Version":"20.10.24","ApiVersion":"1.41"}`}
		return says(whole(answers[int(n.Add(1))%len(answers)]), nil)(w, path)
	}
}

// multiplies lists as many containers as are looked at, each as large as may
// be.
func multiplies(w io.Writer, path string) bool {
	body := `{"Config":{"Labels":{"l":"` + strings.Repeat("x", 3<<20) + `"}}}`
	if strings.Contains(path, "/containers/json") {
		body = "[" + strings.Repeat(`{"Id":"a"},`, 9_999) + `{"Id":"a"}]`
	}
	return says(whole(body), nil)(w, path)
}

// but is Docker 20.10, except for what is asked at path; that is answered
// truly as often as first says.
func but(path string, first int64, answer liar) liar {
	var n atomic.Int64
	return func(w io.Writer, request string) bool {
		if strings.Contains(request, path) && n.Add(1) > first {
			return answer(w, request)
		}
		return says(whole(truth(request)), nil)(w, request)
	}
}

func truth(request string) string {
	for _, of := range [][2]string{
		{"/containers/json", "containers"},
		{"/images/json", "images"},
		{"/history", "history"},
		{"/images/", "image"},
		{"/json", "container"},
		{"/info", "info"},
		{"/version", "version"},
		{"/networks/bridge", "bridge"},
		{"/networks", "networks"},
		{"/volumes", "volumes"},
		{"/events", "events"},
	} {
		if strings.Contains(request, of[0]) {
			b, err := os.ReadFile("../../remediate/testdata/docker20.10/" + of[1] + ".json")
			if err != nil {
				return err.Error()
			}
			return string(b)
		}
	}
	return "{}"
}

var silent = func(w io.Writer, _ string) bool { time.Sleep(time.Hour); return false }

// liars are what may answer on the socket, and what plan says of it.
var liars = map[string]struct {
	answer liar
	want   string
}{
	"silence":          {silent, "does not answer in time"},
	"headers only":     {says(okHead+"Content-Length: 9\r\n\r\n", trickle("")), "does not answer in time"},
	"trickle":          {says(okHead+"\r\n[", trickle(" ")), "does not answer in time"},
	"trickled headers": {says(okHead, trickle("X-A: b\r\n")), "does not answer in time"},
	"endless space":    {says(okHead+"\r\n[", flood(" ")), "more than 64 MiB"},
	"endless array":    {says(okHead+"\r\n[{}", flood(",{}")), "more than 1048576 values"},
	"endless string":   {says(okHead+"\r\n[\"", flood("a")), "more than 64 MiB"},
	"10 GiB":           {says(okHead+"Content-Length: 10737418240\r\n\r\n[0", flood(",0")), "more than 1048576 values"},
	"the truth":        {but("/none", 0, silent), "20.10.24"},
	"endless events":   {but("/events", 0, says(okHead+"\r\n", flood(`{"Type":"daemon","Action":"reload","timeNano":1}`+"\n"))), "20.10.24"},
	"silent events":    {but("/events", 0, silent), "20.10.24"},
	"later silence":    {but("/networks ", 1, silent), "could not read Docker's networks"},
	"many and large":   {multiplies, "more than"},
	"null":             {says(whole("null"), nil), "version is unknown"},
	"nothing":          {says(whole("{}"), nil), "cannot ask the Docker daemon"},
	"other types":      {says(whole(`{"Id":1,"Version":[],"ApiVersion":{},"Containers":"x"}`), nil), "cannot ask the Docker daemon"},
	"negative numbers": {says(whole(`[{"Id":"a","State":-1,"Created":-9223372036854775809}]`), nil), "cannot ask the Docker daemon"},
	"HTML":             {says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", nil), "cannot ask the Docker daemon"},
	"redirect":         {says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", nil), "cannot ask the Docker daemon"},
	"500":              {says(strings.Replace(whole(`{"message":"\u001b[2J\u009bno"}`), "200 OK", "500 No", 1), nil), "\uFFFD[2J"},
	"API 0":            {says(strings.Replace(whole(`{"ApiVersion":"0","Version":"0"}`), "1.41", "0", 1), nil), "cannot ask the Docker daemon"},
	"API 99.99":        {says(strings.Replace(whole(`{"ApiVersion":"99.99","Version":"99.99.99"}`), "1.41", "99.99", 1), nil), "cannot ask the Docker daemon"},
	"changes":          {swaps(), "cannot ask the Docker daemon"},
	"not HTTP":         {func(w io.Writer, _ string) bool { _, _ = io.WriteString(w, "SSH-2.0-x\r\n"); return false }, "cannot ask the Docker daemon"},
	"hangs up":         {func(io.Writer, string) bool { return false }, "cannot ask the Docker daemon"},
}

// TestHostileDaemon: whatever answers on the Docker socket, plan ends in time
// and in bounded memory, with exit code 0, and says what it could not read and
// why, in words that do not command the terminal.
func TestHostileDaemon(t *testing.T) {
	bin := build(t)
	for name, l := range liars {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, usage := against(t, bin, listen(t, l.answer), "plan", "--policy", "strict")
			if !strings.Contains(out, l.want) || strings.ContainsAny(out, "\x1b\u009b") {
				t.Errorf("want %q:\n%s", l.want, out)
			}
			if usage.Maxrss > planHas {
				t.Errorf("it took %d MiB", usage.Maxrss>>10)
			}
			t.Logf("%d MiB, %d ms of CPU", usage.Maxrss>>10, (usage.Utime.Nano()+usage.Stime.Nano())/1e6)
		})
	}
}

// multipliesImages is multiplies for images.
func multipliesImages(w io.Writer, path string) bool {
	body := `{"Config":{"Labels":{"l":"` + strings.Repeat("x", 3<<20) + `"}}}`
	if strings.Contains(path, "/images/json") {
		body = "[" + strings.Repeat(`{"Id":"sha256:a"},`, 9_999) + `{"Id":"sha256:b"}]`
	}
	return says(whole(body), nil)(w, path)
}

// imageLiars tell the truth but for images, or for the second question about
// the swarm, and what the snapshot then says.
var imageLiars = map[string]struct {
	answer liar
	want   string
}{
	"the truth":        {but("/none", 0, silent), `"bb:test"`},
	"silence":          {but("/images/json", 0, silent), "does not answer in time"},
	"endless space":    {but("/images/json", 0, says(okHead+"\r\n[", flood(" "))), "more than 64 MiB"},
	"endless array":    {but("/images/json", 0, says(okHead+"\r\n[{}", flood(",{}"))), "more than 1048576 values"},
	"no digests":       {but("/images/json", 0, says(whole(`[{"Id":"../../containers/x"}]`), nil)), "the id "},
	"large images":     {but("/images/", 0, multipliesImages), `"images": {`},
	"endless history":  {but("/history", 0, says(okHead+"\r\n[{}", flood(",{}"))), `"bb:test"`},
	"endless image":    {but("/images/sha256", 0, says(okHead+"\r\n{\"Id\":\"", flood("a"))), "more than 4 MiB"},
	"endless swarm":    {but("/info", 1, says(okHead+"\r\n{\"ID\":\"", flood("a"))), "more than 64 MiB"},
	"a swarm of types": {but("/info", 1, says(whole(`{"Swarm":7}`), nil)), "cannot ask the Docker daemon"},
}

// TestHostileSurvey is TestHostileDaemon for what only check asks about.
func TestHostileSurvey(t *testing.T) {
	bin := build(t)
	for name, l := range imageLiars {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, usage := against(t, bin, listen(t, l.answer), "snapshot")
			if !strings.Contains(out, l.want) {
				t.Errorf("want %q:\n%.4000s", l.want, out)
			}
			if usage.Maxrss > planHas {
				t.Errorf("it took %d MiB", usage.Maxrss>>10)
			}
			t.Logf("%d MiB, %d ms of CPU", usage.Maxrss>>10, (usage.Utime.Nano()+usage.Stime.Nano())/1e6)
		})
	}
}

func listen(t *testing.T, answer liar) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
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
			go serveLies(c, answer)
		}
	}()
	return socket
}

func serveLies(c net.Conn, answer liar) {
	defer c.Close()
	buf := make([]byte, 8192)
	for {
		n, err := c.Read(buf)
		line, _, _ := bytes.Cut(buf[:n], []byte("\r\n"))
		if err != nil || !answer(c, string(line)) {
			return
		}
	}
}

// against runs bulwark where the daemon of a host without systemd listens on
// socket: in namespaces of its own, with an /etc and a /run of its own.
func against(t *testing.T, bin, socket string, args ...string) (out string, usage *syscall.Rusage) {
	t.Helper()
	daemon := exec.Command("/bin/sleep", "300")
	daemon.Args[0] = "dockerd"
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Process.Kill(); _ = daemon.Wait() }()
	argv := []string{"-mn", "sh", "-ec", `mount -t tmpfs -o mode=755 none /etc; mount -t tmpfs none /run
echo root:x:0:0::/root:/bin/sh >/etc/passwd; echo root:x:0: >/etc/group; mkdir /etc/docker; echo "$1" >/run/docker.pid
shift; exec "$@"`, "sh", strconv.Itoa(daemon.Process.Pid), bin}
	argv = append(append(argv, args...), "--docker-host", "unix://"+socket)
	if os.Geteuid() != 0 {
		argv = append([]string{"--map-root-user"}, argv...)
	}
	cmd := exec.Command("unshare", argv...)
	b := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = b, b
	start := time.Now()
	err := cmd.Run()
	if strings.Contains(b.String(), "unshare: ") && os.Geteuid() != 0 {
		t.Skipf("this user may not make namespaces: %s", b)
	}
	if err != nil {
		t.Fatalf("%v:\n%s", err, b)
	}
	if took := time.Since(start); took > planEnds {
		t.Errorf("it took %s", took)
	}
	return b.String(), cmd.ProcessState.SysUsage().(*syscall.Rusage)
}

// build makes bulwark without the race detector, which takes many times the
// memory.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bulwark")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program that is lied to: %v\n%s", err, out)
	}
	return bin
}

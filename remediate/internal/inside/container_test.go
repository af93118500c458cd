package inside

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"syscall"
	"testing"
)

func run(t *testing.T, into any, args ...string) int {
	t.Helper()
	var out bytes.Buffer
	code := Main(args, &out)
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("%v: %q: %v", args, out.String(), err)
	}
	return code
}

func TestAttacksRefuseOddArguments(t *testing.T) {
	for _, args := range [][]string{
		{"forks"},
		{"forks", "0"},
		{"forks", "301"},
		{"forks", "x"},
		{"memory", "97"},
		{"flood", "25"},
		{"fill", "25", "/tmp/x"},
		{"calls"},
		{"calls", "x"},
		{"identity"},
		{"setuid"},
		{"setuid", "/no/such/program"},
		{"identity", "/no/such/folder/file"},
	} {
		var got struct{ Error string }
		if code := run(t, &got, args...); code != 1 || got.Error == "" {
			t.Errorf("%v: code %d, %+v", args, code, got)
		}
	}
}

func TestForksLeaveNothing(t *testing.T) {
	var got struct {
		Started   int
		StoppedBy string `json:"stopped_by"`
	}
	if code := run(t, &got, "forks", "5"); code != 0 || got.Started != 5 || got.StoppedBy != "ok" {
		t.Errorf("%d %+v", code, got)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

func TestMemory(t *testing.T) {
	var got struct{ Taken int }
	if run(t, &got, "memory", "1") != 0 || got.Taken != 1 {
		t.Error(got)
	}
}

// Go raises the soft limit when it starts; the attack must tell the one before.
func TestUlimitsAreThoseBeforeGoRaisedThem(t *testing.T) {
	if os.Getenv("AGAIN") == "" {
		t.Setenv("AGAIN", "1")
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Max < 512 {
			t.Skip("the limit is too low to lower it")
		}
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", `ulimit -Sn 256; exec "$0" -test.run=TestUlimitsAre`, os.Args[0]},
			&os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
		if err != nil {
			t.Fatal(err)
		}
		if st, err := p.Wait(); err != nil || !st.Success() {
			t.Error(st, err)
		}
		return
	}
	var got map[string][2]int64
	if run(t, &got, "ulimits") != 0 || got["nofile"][0] != 256 || got["nofile"][1] <= 256 {
		t.Error(got)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	var got map[string]string
	run(t, &got, "write", dir+"/a", dir+"/no/a", "/proc/a")
	if got[dir+"/a"] != "ok" || got[dir+"/no/a"] != "ENOENT" || got["/proc/a"] == "ok" {
		t.Error(got)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error(left)
	}
}

func TestFill(t *testing.T) {
	dir := t.TempDir()
	var got map[string]struct {
		MiB       int
		StoppedBy string `json:"stopped_by"`
	}
	if code := run(t, &got, "fill", "2", dir+"/a", dir+"/no/a"); code != 0 || got[dir+"/a"].MiB != 2 || got[dir+"/a"].StoppedBy != "ok" {
		t.Errorf("%d %+v", code, got)
	}
	if there := got[dir+"/no/a"]; there.MiB != 0 || there.StoppedBy != "ENOENT" {
		t.Error(there)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error(left)
	}
}

func TestSockets(t *testing.T) {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got map[string]string
	run(t, &got, "sockets", path, path+"x")
	if got[path] != "ok" || got[path+"x"] != "ENOENT" {
		t.Error(got)
	}
}

func TestAbstractSocketsAreFound(t *testing.T) {
	l, err := net.Listen("unix", "@bulwark-test-containerd")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got map[string]string
	run(t, &got, "sockets")
	if got["@bulwark-test-containerd"] != "ok" {
		t.Error(got)
	}
}

func TestWorkloadWorksHere(t *testing.T) {
	for name, do := range map[string]func() error{
		"files": fileWork, "threads": threadWork, "tcp": tcpWork, "udp": udpWork, "signals": signalWork, "timers": timerWork, "memory": memoryWork,
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No call may succeed: with other arguments it would change something. The
// answer of modify_ldt looks like success.
func TestNoCallSucceeds(t *testing.T) {
	for group := range callGroups() {
		var got map[string]string
		if code := run(t, &got, "calls", group); code != 0 || len(got) == 0 {
			t.Errorf("%s: code %d, %v", group, code, got)
		}
		for name, answer := range got {
			if answer == "ok" && name != "modify_ldt" {
				t.Errorf("%s succeeds", name)
			}
		}
	}
}

func TestHostFiles(t *testing.T) {
	var got struct{ Opened map[string]string }
	if run(t, &got, "hostfiles") != 0 || len(got.Opened) == 0 {
		t.Error(got)
	}
}

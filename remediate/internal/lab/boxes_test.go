package lab

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

func TestOnlyOursIsSwept(t *testing.T) {
	label := map[string]string{probe.Label: "1"}
	got := ours([]host.Labelled{
		{ID: "a", Names: []string{probe.Prefix + "a"}, Labels: label},
		{ID: "b", Names: []string{probe.Prefix + "b"}},                // a name is not enough
		{ID: "c", Names: []string{"web"}, Labels: label},              // nor is a label: it is inherited from an image
		{ID: "", Names: []string{probe.Prefix + "d"}, Labels: label},  // nothing to remove by
		{ID: "e", Names: []string{"x" + probe.Prefix}, Labels: label}, // not a prefix
		{ID: "f", Labels: label},
	}, probe.Prefix)
	if diff := cmp.Diff([]leftover{{probe.Prefix + "a", "a"}}, got, cmp.AllowUnexported(leftover{})); diff != "" {
		t.Error(diff)
	}
}

func TestAnImageIsSweptByName(t *testing.T) {
	label := map[string]string{probe.Label: "image"}
	got := ours([]host.Labelled{
		{ID: "sha256:1", Names: []string{"bulwark-probe:1", "kept:1"}, Labels: label},
		{ID: "sha256:2", Names: []string{"bulwark-probes:1"}, Labels: label},
		{ID: "sha256:3", Names: []string{"bulwark-probe:3"}},
	}, imageName+":")
	if diff := cmp.Diff([]leftover{{"bulwark-probe:1", "bulwark-probe:1"}}, got, cmp.AllowUnexported(leftover{})); diff != "" {
		t.Error(diff)
	}
}

func TestBoxesAreBounded(t *testing.T) {
	l := &Lab{id: "run", image: "bulwark-probe:run"}
	for _, b := range []probe.Box{{}, {Memory: 1 << 40, Pids: 1 << 40}, {Memory: -1, Pids: -1}} {
		if g := l.guest(b); g.Memory != maxMemory || g.Pids != maxPids || g.LogDriver != "none" || g.Network != "none" {
			t.Errorf("%+v becomes %+v", b, g)
		}
	}
	g := l.guest(probe.Box{Memory: 1 << 20, Pids: 5, DefaultLogs: true})
	if g.Memory != 1<<20 || g.Pids != 5 || g.LogDriver != "" || g.Labels[probe.Label] == "" || !strings.HasPrefix(g.Name, probe.Prefix+"run-") {
		t.Errorf("%+v", g)
	}
	if g := l.guest(probe.Box{NoPids: true, Pids: 5}); g.Pids != -1 {
		t.Errorf("NoPids: %+v", g)
	}
}

func TestNoNetworkOfOthers(t *testing.T) {
	for in, want := range map[string]string{
		"": "none", "none": "none", "bridge": "bridge", "inner": probe.Prefix + "inner", probe.Prefix + "inner": probe.Prefix + "inner",
		"host": probe.Prefix + "host", "container:web": probe.Prefix + "container:web",
	} {
		if got := networkOf(probe.Box{Network: in}); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := networkOf(probe.Box{HostNet: true, Network: "inner"}); got != "host" {
		t.Error(got)
	}
}

func TestTheImageHoldsTheProgramTwice(t *testing.T) {
	var b bytes.Buffer
	if err := writeImage(&b); err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s is of %d:%d", h.Name, h.Uid, h.Gid)
		}
	}
	if modes["bulwark"] != 0o755 || modes["setuid"] != 0o4755 || modes["tmp/"] != 0o1777 {
		t.Error(modes)
	}
}

func TestASecondRunIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(path); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	first.Close()
	second, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(link); err == nil {
		t.Error("a link was followed")
	}
}

func TestTheFolderOfOthersStays(t *testing.T) {
	dir := t.TempDir()
	l := &Lab{places: places{dir: filepath.Join(dir, "lab")}}
	if left := l.removeDir(); left != nil {
		t.Error(left)
	}
	kept := filepath.Join(dir, "kept")
	if err := errors.Join(os.Mkdir(kept, 0o700), os.WriteFile(kept+"/file", nil, 0o600), os.Symlink(kept, l.places.dir)); err != nil {
		t.Fatal(err)
	}
	if left := l.removeDir(); len(left) != 1 {
		t.Errorf("a link was removed: %v", left)
	}
	if _, err := os.Stat(kept + "/file"); err != nil {
		t.Error(err)
	}
}

func TestOwnersAreOfLinksThemselves(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/nowhere", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if got := owners(dir); got["link"] != os.Geteuid() || len(got) != 1 {
		t.Error(got)
	}
	if got := hostUID(os.Getpid()); got != os.Getuid() {
		t.Error(got)
	}
	if got := hostUID(0); got != -1 {
		t.Error(got)
	}
}

func TestAvailable(t *testing.T) {
	if got := available("MemTotal:  100 kB\nMemAvailable:    2048 kB\n"); got != 2<<20 {
		t.Error(got)
	}
	if got := available("MemTotal:  100 kB\n"); got != 0 {
		t.Error(got)
	}
}

func TestLogsAreMeasured(t *testing.T) {
	dir := t.TempDir() + "/[id]*"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"x-json.log": 10, "x-json.log.1": 30, "x-json.log.2.gz": 5, "config.v2.json": 100} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	res := probe.Result{LogBytes: -1}
	measureLogs(host.GuestState{LogPath: dir + "/x-json.log"}, &res)
	if res.LogFiles != 3 || res.LogBytes != 45 || res.LogLargest != 30 {
		t.Errorf("%+v", res)
	}
	res = probe.Result{LogBytes: -1}
	measureLogs(host.GuestState{}, &res)
	if res.LogBytes != -1 {
		t.Errorf("%+v", res)
	}
}

func frame(stream byte, text string) []byte {
	head := [8]byte{0: stream}
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return append(head[:], text...)
}

func TestOutput(t *testing.T) {
	in := append(frame(1, "one\ntw"), frame(2, "of the other stream\n")...)
	in = append(in, frame(1, "o\n{\"last\":1}")...)
	o := follow(io.NopCloser(bytes.NewReader(in)))
	if got := string(o.report()); got != `{"last":1}` {
		t.Errorf("report: %q", got)
	}
	if diff := cmp.Diff([]string{"one", "two"}, o.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestOutputIsBounded(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		for range 300 {
			_, _ = w.Write(frame(1, strings.Repeat("x", 8<<10)))
		}
		w.Close()
	}()
	o := follow(r)
	<-o.done
	if n := len(o.bytes()); n != maxOutput {
		t.Errorf("%d bytes were kept", n)
	}
}

func FuzzUnframe(f *testing.F) {
	f.Add(frame(1, "text"))
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'x'})
	f.Fuzz(func(t *testing.T, in []byte) {
		o := follow(io.NopCloser(bytes.NewReader(in)))
		<-o.done
		if len(o.bytes()) > len(in) {
			t.Error("more came out than went in")
		}
		o.report()
		o.lines()
	})
}

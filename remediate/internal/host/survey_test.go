package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const netHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func TestParseSockets(t *testing.T) {
	line := func(local, remote, state string) string {
		return "   0: " + local + " " + remote + " " + state + " 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0\n"
	}
	const none4, none6 = "00000000:0000", "00000000000000000000000000000000:0000"
	for _, tt := range []struct{ name, proto, lines, want string }{
		{"all", "tcp", line("00000000:0050", none4, "0A"), "0.0.0.0 80"},
		{"loopback", "tcp", line("0100007F:0016", none4, "0A"), "127.0.0.1 22"},
		{"connected", "tcp", line("0100007F:0016", "0100007F:9C40", "01"), ""},
		{"all of IPv6", "tcp6", line("00000000000000000000000000000000:0947", none6, "0A"), ":: 2375"},
		{"loopback of IPv6", "tcp6", line("00000000000000000000000001000000:0016", none6, "0A"), "::1 22"},
		{"an address of IPv6", "tcp6", line("B80D0120000000000000000001000000:0016", none6, "0A"), "2001:db8::1 22"},
		{"mapped", "tcp6", line("0000000000000000FFFF00000100007F:1F90", none6, "0A"), "127.0.0.1 8080"},
		{"a server", "udp", line("00000000:0035", none4, "07"), "0.0.0.0 53"},
		{"a client that has a peer", "udp", line("0100007F:0035", "0100007F:9C40", "01"), ""},
		{"a client that has none", "udp", line("00000000:9C40", none4, "07"), ""},
		{"two, and one that is cut off", "tcp", line("00000000:0050", none4, "0A") + line("00000000:0051", none4, "0A") + "  2: 0000", "0.0.0.0 80,0.0.0.0 81"},
		{"no addresses", "tcp", line("0000:0050", none4, "0A") + line("zzzzzzzz:0050", none4, "0A") + line("00000000:", none4, "0A") + line("00000000:10000", none4, "0A"), ""},
	} {
		got, err := parseSockets(strings.NewReader(netHead+tt.lines), tt.proto, 32768)
		var said []string
		for _, s := range got {
			said = append(said, fmt.Sprintf("%s %d", s.Address, s.Port))
			if s.inode != "4711" || s.Proto != tt.proto {
				t.Errorf("%s: %+v", tt.name, s)
			}
		}
		if err != nil || strings.Join(said, ",") != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, said, err, tt.want)
		}
	}
	many := strings.Repeat(line("00000000:0050", none4, "0A"), maxListeners+1)
	if _, err := parseSockets(strings.NewReader(many), "tcp", 32768); err == nil {
		t.Error("without end")
	}
}

// TestScan finds what this test itself listens on.
func TestScan(t *testing.T) {
	var want []resource.Listener
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Log(err)
			continue
		}
		defer l.Close()
		at := l.Addr().(*net.TCPAddr)
		want = append(want, resource.Listener{Proto: strings.TrimSuffix(network, "4"), Address: at.IP.String(), Port: at.Port, PID: os.Getpid()})
	}
	got := scan()
	if got.err != nil {
		t.Fatal(got.err)
	}
	for _, w := range want {
		at := slices.IndexFunc(got.listeners, func(l resource.Listener) bool {
			return l.Proto == w.Proto && l.Address == w.Address && l.Port == w.Port && l.PID == w.PID
		})
		if at < 0 {
			t.Fatalf("%+v is not among %+v", w, got.listeners)
		}
		if l := got.listeners[at]; l.Process == "" || len(l.Argv) == 0 {
			t.Errorf("%+v", l)
		}
	}
}

func TestContainerOf(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	other := strings.Repeat("f", 64)
	for cgroup, want := range map[string]string{
		"": "", "0::/\n": "", "0::/system.slice/ssh.service\n": "", "0::/system.slice/docker.service\n": "",
		"0::/system.slice/docker-" + id + ".scope\n":                      id,
		"0::/docker/" + id + "\n":                                         id,
		"0::/docker/" + id + "/init.scope\n":                              id,
		"12:memory:/docker/" + id + "\n11:cpu,cpuacct:/docker/" + id:      id,
		"1:name=systemd:/system.slice/docker-" + id + ".scope\n":          id,
		"0::/docker/" + id + "/docker/" + other + "\n":                    id,
		"0::/kubepods/burstable/pod9d3a/" + id + "\n":                     id,
		"0::/user.slice/a" + id + "\n":                                    "",
		"0::/docker/" + id + "f\n":                                        "",
		"0::/docker/" + strings.ToUpper(id) + "\n":                        "",
		"4:devices:/user.slice\n0::/system.slice/docker-" + id + ".scope": id,
	} {
		if got := containerOf(cgroup); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	o := newOwners([]socket{{inode: "7"}, {inode: "8"}, {inode: "9"}})
	for _, s := range []struct {
		inode string
		pid   int
	}{{"7", 1}, {"8", 1}, {"7", 20}, {"7", 30}, {"404", 5}} {
		o.own(s.inode, s.pid)
	}
	for i, want := range []int{20, 1, 0} {
		if got := o.sockets[i].PID; got != want {
			t.Errorf("%d: %d, want %d", i, got, want)
		}
	}
}

const mounts = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw - proc proc rw
31 22 8:17 /data /mnt/with\040blank\134 rw,nodev shared:5 master:2 - xfs /dev/disk\011x rw,attr2
32 22 0:55 / /gone rw - tmpfs
bad
33 22 0:56
`

func TestParseMount(t *testing.T) {
	for id, want := range map[string]resource.Mountpoint{
		"22": {Target: "/", Source: "/dev/vda1", FSType: "ext4", Device: "254:1"},
		"31": {Target: `/mnt/with blank\`, Source: "/dev/disk\tx", FSType: "xfs", Device: "8:17"},
		"32": {Target: "/gone", FSType: "tmpfs", Device: "0:55"},
	} {
		if got, ok := parseMount(mounts, id); !ok || got != want {
			t.Errorf("%s: %+v", id, got)
		}
	}
	for _, id := range []string{"33", "bad", "", "99"} {
		if got, ok := parseMount(mounts, id); ok {
			t.Errorf("%s: %+v", id, got)
		}
	}
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", `\040`: " ", `a\134b`: `a\b`, `\04`: `\04`, `\999`: `\999`, `\777`: `\777`, `\`: `\`} {
		if got := unescapeOctal(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestDataMount: on the host that the test runs on, / lies on itself.
func TestDataMount(t *testing.T) {
	r := live(t)
	m, err := r.dataMount("/")
	if err != nil || m.Target != "/" || m.Device == "" || m.Device != m.RootDevice || m.Path != "/" {
		t.Errorf("%+v, %v", m, err)
	}
	if p, err := r.dataMount("/proc/sys"); err != nil || p.Device == p.RootDevice || p.FSType != "proc" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := r.dataMount("/nothing"); err == nil || !strings.Contains(err.Error(), "/nothing") {
		t.Errorf("%v", err)
	}
}

func live(t testing.TB) *Reader {
	t.Helper()
	root, err := fsys.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return NewReader("/", root, "unix:///nowhere")
}

// imageOf is a reader of an image with these files; a value that begins with
// -> is a link.
func imageOf(t testing.TB, files map[string]string) *Reader {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(to, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := fsys.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return NewReader(dir, root, "")
}

func TestPaths(t *testing.T) {
	r := imageOf(t, map[string]string{
		"etc/docker/daemon.json": "{}", "etc/docker/certs.d/reg:5000/ca.crt": "ca", "etc/docker/certs.d/out": "->../../../../../../etc/passwd",
		"etc/docker/certs.d/loop": "->.", "etc/docker/certs.d/to": "->/etc/docker/daemon.json", "etc/link": "->docker/daemon.json", "etc/dangling": "->nothing",
	})
	got := r.readPaths(context.Background(), []string{"/etc/docker", "/etc/link", "/etc/dangling", "/etc/none", "/etc/docker/certs.d/**", "/none/**", "relative", "/etc/../etc"})
	for p, want := range map[string]resource.FileType{
		"/etc/docker": resource.Dir, "/etc/link": resource.Regular, "/etc/dangling": resource.Absent, "/etc/none": resource.Absent, "/none": resource.Absent,
		"/etc/docker/certs.d": resource.Dir, "/etc/docker/certs.d/reg:5000": resource.Dir, "/etc/docker/certs.d/reg:5000/ca.crt": resource.Regular,
		"/etc/docker/certs.d/out": resource.Absent, "/etc/docker/certs.d/loop": resource.Dir, "/etc/docker/certs.d/to": resource.Regular,
	} {
		f, ok := got[p]
		if !ok || f.Unknown != "" || f.Value.Type != want {
			t.Errorf("%s: %+v, want %s", p, f, want)
		}
		if want == resource.Regular && (f.Value.Mode != 0o640 || f.Value.SHA256 != "") {
			t.Errorf("%s: %+v", p, f.Value)
		}
	}
	for _, p := range []string{"relative", "/etc/../etc"} {
		if got[p].Unknown == "" {
			t.Errorf("%s: %+v", p, got[p])
		}
	}
	if len(got) != 13 {
		t.Errorf("%d files: %v", len(got), got)
	}
}

func TestPathsBound(t *testing.T) {
	files := map[string]string{}
	for i := range maxBelow + 10 {
		files[fmt.Sprintf("d/%d/f", i)] = ""
	}
	got := imageOf(t, files).readPaths(context.Background(), []string{"/d/**"})
	if len(got) != maxBelow+2 || got["/d/**"].Unknown == "" {
		t.Errorf("%d: %+v", len(got), got["/d/**"])
	}
}

// TestSurveyOfImage: of an image it says for each part why it is not known.
func TestSurveyOfImage(t *testing.T) {
	s := imageOf(t, nil).Survey(t.Context(), resource.SurveyWant{Daemon: true})
	for what, why := range map[string]string{"images": s.Images.Unknown, "swarm": s.Swarm.Unknown, "listeners": s.Listeners.Unknown, "mount": s.DataMount.Unknown} {
		if why != errImage.Error() {
			t.Errorf("%s: %q", what, why)
		}
	}
}

// TestSurveyStopped: a daemon that does not run is not asked.
func TestSurveyStopped(t *testing.T) {
	s := live(t).Survey(t.Context(), resource.SurveyWant{})
	if s.Images.Unknown != errStopped.Error() || s.Swarm.Unknown != errStopped.Error() || s.Listeners.Unknown != "" {
		t.Errorf("%+v", s)
	}
}

func FuzzSockets(f *testing.F) {
	f.Add(netHead + "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, proto := range []string{"tcp", "udp6"} {
			all, _ := parseSockets(strings.NewReader(text), proto, 32768)
			for _, s := range all {
				if s.Port < 0 || s.Port > 65535 || s.Address == "" {
					t.Errorf("%+v", s)
				}
			}
		}
		containerOf(text)
	})
}

func FuzzMount(f *testing.F) {
	f.Add(mounts, "31")
	f.Fuzz(func(t *testing.T, text, id string) {
		if m, ok := parseMount(text, id); ok && m.FSType == "" {
			t.Errorf("%+v", m)
		}
	})
}

// TestSurveyTime: nothing here takes long on a host without a daemon.
func TestSurveyTime(t *testing.T) {
	r := live(t)
	start := time.Now()
	r.Survey(t.Context(), resource.SurveyWant{})
	t.Log(time.Since(start))
}

//go:build linux && amd64

package txn_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// A disk is a file system on a loop device whose power can be cut.
type disk struct {
	t        testing.TB
	dir      string
	loop     string
	mkfs     []string
	size     string
	options  string
	shutdown int // argument of the ioctl; -1: copy the backing file instead
	*world
}

// goingShutdown is EXT4_IOC_SHUTDOWN, the same number as XFS_IOC_GOINGDOWN:
// with 1 the journal is written out and data is not, with 2 nothing is.
const goingShutdown = 0x8004587d

// disks: ext4 needs noauto_da_alloc, or it hides a missing fsync of a file that
// is renamed; ext4 hides a missing fsync of a directory in any case, for every
// later fsync commits the whole journal, and btrfs does not.
func disks(t testing.TB) map[string]*disk {
	ext4 := []string{"mkfs.ext4", "-qF"}
	return map[string]*disk{
		"ext4, nothing flushed": {t: t, mkfs: ext4, size: "24M", options: "noauto_da_alloc", shutdown: 2},
		"ext4, journal flushed": {t: t, mkfs: ext4, size: "24M", options: "noauto_da_alloc", shutdown: 1},
		"btrfs":                 {t: t, mkfs: []string{"mkfs.btrfs", "-qf"}, size: "128M", options: "defaults", shutdown: -1},
	}
}

// needPower skips with a proven reason where no power can be cut.
func needPower(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount loop devices")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("needs loop devices: ", err)
	}
	for _, tool := range []string{"mkfs.ext4", "mkfs.btrfs", "losetup", "mount", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs ", tool, ": ", err)
		}
	}
}

// alone runs the test again in a mount namespace of its own: elsewhere a
// container that starts meanwhile would keep a copy of the mount. It returns
// true inside.
func alone(t *testing.T) bool {
	t.Helper()
	needPower(t)
	if os.Getenv("BULWARK_ALONE") != "" {
		return true
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "private",
		self(t), "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "60m")
	cmd.Env = append(os.Environ(), "BULWARK_ALONE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(string(out))
	return false
}

func (d *disk) sh(args ...string) string {
	d.t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (d *disk) file(name string) string { return filepath.Join(d.dir, name) }

// format makes the pristine image, which every point starts from.
func (d *disk) format() {
	d.dir = d.t.TempDir()
	d.must(os.Mkdir(d.file("mnt"), 0o755))
	d.sh("truncate", "-s", d.size, d.file("disk"))
	d.sh(append(d.mkfs, d.file("disk"))...)
	d.attach()
	d.world = newWorld(d.t, d.file("mnt"))
	d.detach()
	d.sh("cp", "--sparse=always", d.file("disk"), d.file("pristine"))
}

func (d *disk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) fresh() {
	d.sh("cp", "--sparse=always", d.file("pristine"), d.file("disk"))
	d.attach()
}

func (d *disk) attach() {
	d.t.Helper()
	d.loop = d.sh("losetup", "-f", "--show", d.file("disk"))
	d.sh("mount", "-o", d.options, d.loop, d.file("mnt"))
}

func (d *disk) detach() {
	d.t.Helper()
	d.sh("umount", d.file("mnt"))
	d.sh("losetup", "-d", d.loop)
}

// cut takes the power away: what is on the medium now is all there is.
func (d *disk) cut() error {
	if d.shutdown < 0 {
		return exec.Command("cp", "--sparse=always", d.file("disk"), d.file("snap")).Run()
	}
	f, err := os.Open(d.file("mnt"))
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), goingShutdown, d.shutdown)
}

// boot brings the medium back.
func (d *disk) boot() {
	d.t.Helper()
	d.detach()
	if d.shutdown < 0 {
		d.must(os.Rename(d.file("snap"), d.file("disk")))
	}
	d.attach()
}

// sweep cuts the power at each point, boots, recovers and checks.
func (d *disk) sweep(binary string, e ends, at []int) (seen map[string]int, bad []string) {
	seen = map[string]int{}
	for _, n := range at {
		end, err := d.cutAt(binary, e, n)
		if err != nil {
			bad = append(bad, err.Error())
		}
		seen[end]++
		d.detach()
	}
	return seen, bad
}

// cutAt cuts at call n, or after the end of the run if n is 0; then what the
// run has reported must hold.
func (d *disk) cutAt(binary string, e ends, n int) (string, error) {
	d.fresh()
	d.env = append(d.env, "BULWARK_DEMO_BOOT=first")
	res, out := d.traced(binary, "apply", n, func(s *ptrace.Stop) error {
		return errors.Join(d.cut(), s.Kill(syscall.SIGKILL))
	})
	want := ""
	if n == 0 {
		d.must(d.cut())
		want = map[int]string{0: "after", 3: "before"}[res.Exit()]
	}
	d.boot()
	d.env = append(d.env, "BULWARK_DEMO_BOOT=second")
	where := fmt.Sprintf("cut at %d of %d", n, len(res.Calls))
	if rc, out := d.demoOf(binary, "recover"); rc != 0 {
		return "", fmt.Errorf("%s: recover: exit %d, %s", where, rc, out)
	}
	end, err := d.verify(e, false)
	if err == nil && want != "" && end != want {
		err = fmt.Errorf("it reported success (%s), but the host is %s", strings.TrimSpace(out), end)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", where, err)
	}
	return end, err
}

// learn returns the two states and the number of calls of a run with env.
func (d *disk) learn(binary string, env []string) (ends, int) {
	d.fresh()
	e := d.ends()
	d.env = env
	total := d.total(binary)
	d.detach()
	return e, total
}

// After a power cut at any call, recovery leaves the host as before or after,
// and what was reported stays.
func TestPowerCutAtEveryCall(t *testing.T) {
	if !alone(t) {
		return
	}
	for name, d := range disks(t) {
		for scenario, env := range map[string][]string{"commit": nil, "health fails": scenarios["health fails"]} {
			d.format()
			e, total := d.learn(program(t), env)
			seen, bad := d.sweep(program(t), e, append(points(total, 10), total-4, 0))
			for _, b := range bad {
				t.Errorf("%s, %s: %s", name, scenario, b)
			}
			t.Logf("%s, %s: %v", name, scenario, seen)
		}
	}
}

package lab

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// running is a container of the lab between its start and its removal.
type running struct {
	lab   *Lab
	guest host.Guest
	state host.GuestState
	out   *output
	uid   int
}

// IPs are its addresses on its network.
func (r *running) IPs() []string { return r.state.IPs }

// PID is its process on the host.
func (r *running) PID() int { return r.state.PID }

// Published are the addresses of its published port.
func (r *running) Published() []string { return r.state.Ports }

// Lines are what it has printed so far.
func (r *running) Lines() []string { return r.out.lines() }

// begin creates and starts it. The output is followed from before the start.
func (r *running) begin(ctx context.Context) error {
	d, name := r.lab.docker, r.guest.Name
	if err := whole(ctx, func(ctx context.Context) error { return d.CreateGuest(ctx, r.guest) }); err != nil {
		return err
	}
	stream, err := d.AttachGuest(ctx, name)
	if err != nil {
		return err
	}
	r.out = follow(stream)
	if err := d.StartGuest(ctx, name); err != nil {
		return err
	}
	if r.state, err = d.GuestState(ctx, name); err == nil {
		r.uid = hostUID(r.state.PID)
	}
	return err
}

const wholeTimeout = 30 * time.Second

// whole lets the daemon finish what it makes, even if the context ends meanwhile:
// it does not stop because nobody listens any more, and what it makes then would
// come after the removal.
func whole(ctx context.Context, make func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), wholeTimeout)
	defer cancel()
	if err := make(bounded); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// hostUID is the user id of a process on the host, -1 if it has ended (field Uid
// of /proc/PID/status, proc(5)).
func hostUID(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil || pid == 0 {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "Uid:"); ok {
			if f := strings.Fields(v); len(f) > 0 {
				if uid, err := strconv.Atoi(f[0]); err == nil {
					return uid
				}
			}
		}
	}
	return -1
}

// finish waits for its end, reads what came of it, and removes it, which it does
// also if the context ends first.
func (r *running) finish(ctx context.Context) (probe.Result, error) {
	defer r.remove(ctx)
	if err := r.lab.docker.WaitGuest(ctx, r.guest.Name); err != nil {
		return probe.Result{}, err
	}
	state, err := r.lab.docker.GuestState(ctx, r.guest.Name)
	if err != nil {
		return probe.Result{}, err
	}
	res := probe.Result{
		Report: r.out.report(), Exit: state.Exit, OOMKilled: state.OOMKilled,
		HostUID: r.uid, LogDriver: state.LogDriver, LogOpts: state.LogOpts, LogBytes: -1, LogLargest: -1,
	}
	measureLogs(state, &res)
	if len(r.guest.Binds) > 0 {
		res.Owners = owners(r.lab.dir)
	}
	return res, nil
}

// Stop ends it at once, removes it, and returns what came of it.
func (r *running) Stop(ctx context.Context) (probe.Result, error) {
	if err := r.lab.docker.KillGuest(ctx, r.guest.Name); err != nil {
		r.remove(ctx)
		return probe.Result{}, err
	}
	return r.finish(ctx)
}

const removeTimeout = 10 * time.Second

// remove removes it, whatever has become of the context. What cannot be removed
// is found again by Close, which tells of it.
func (r *running) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	_ = r.lab.docker.RemoveGuest(ctx, r.guest.Name)
	r.out.close()
}

// maxOwners bounds what a container can make the host look at.
const maxOwners = 100

// owners tells who owns the files in a folder, links themselves and not what they
// point to.
func owners(dir string) map[string]int {
	out := map[string]int{}
	d, err := os.Open(dir)
	if err != nil {
		return out
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxOwners)
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			out[name] = int(st.Uid)
		}
	}
	return out
}

// Package lab is where probes work on a real host: containers, networks and a
// host outside, all removed at the end.
package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Options say where a lab is opened, and what it tells probes.
type Options struct {
	// DockerHost is where dockerd listens; "" is the default socket.
	DockerHost string
	Policy     *plans.Policy
	Snapshot   *resource.Snapshot
	// Targets are hosts to attack in the place of the host outside, at most one of
	// each IP version.
	Targets []netip.AddrPort
	// Reserved is what Reserve gave, if that was asked before.
	Reserved *Reservation
	// Progress, if not nil, is told what takes long.
	Progress func(string)
}

// A Lab implements probe.Lab.
type Lab struct {
	*outside

	opt    Options
	docker *host.Docker
	id     string // of this run, part of all names
	image  string
	places places
	lock   *Reservation
	dir    string
	socket net.Listener
	made   atomic.Int64

	mu   sync.Mutex
	nets map[string]probe.Net
}

var _ probe.Lab = (*Lab)(nil)

// places are where a lab has files on the host.
type places struct{ lock, dir string }

// under are the places below a folder for runtime state, "/run" but for tests.
func under(run string) places {
	return places{lock: run + lockName, dir: run + "/bulwark-prove"}
}

const lockName = "/bulwark-prove.lock"

// LockPath is the lock of labs.
const LockPath = "/run" + lockName

// Open makes a lab: it removes what a killed run has left, and imports the image.
// It refuses where a second run is at work, or where probes would do harm.
func Open(ctx context.Context, o Options) (*Lab, error) { return openAt(ctx, o, under("/run")) }

func openAt(ctx context.Context, o Options, at places) (*Lab, error) {
	r, err := o.reserved(ctx, at)
	if err != nil {
		return nil, err
	}
	docker, err := answering(ctx, o.DockerHost)
	if err != nil {
		r.Close()
		return nil, err
	}
	id := token(4)
	l := &Lab{opt: o, docker: docker, lock: r, places: at, id: id, image: imageName + ":" + id, nets: map[string]probe.Net{}, outside: newOutside()}
	if err := l.furnish(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if left := l.Close(ctx); len(left) > 0 {
			err = fmt.Errorf("%w; left: %s", err, strings.Join(left, ", "))
		}
		return nil, err
	}
	return l, nil
}

// answering is a daemon that does: without one there is nothing to tidy up.
func answering(ctx context.Context, dockerHost string) (*host.Docker, error) {
	docker, err := host.OpenDocker(dockerHost)
	if err != nil {
		return nil, err
	}
	if _, err := docker.LabelledContainers(ctx, probe.Label); err != nil {
		docker.Close()
		return nil, fmt.Errorf("cannot ask the Docker daemon: %w", err)
	}
	return docker, nil
}

// reserved looks once more whether probes would do harm: what was reserved before
// may have been so without a snapshot.
func (o Options) reserved(ctx context.Context, at places) (*Reservation, error) {
	if o.Reserved == nil {
		return reserve(ctx, o, 0, at)
	}
	return o.Reserved, harmless(o)
}

// closeTimeout is enough to remove a few containers from a busy host.
const closeTimeout = 30 * time.Second

func (l *Lab) furnish(ctx context.Context) error {
	if err := l.give(ctx, l.docker, l.opt.Targets); err != nil {
		return err
	}
	left := l.sweep(ctx)
	if err := sweepOutside(); err != nil {
		left = append(left, err.Error())
	}
	if len(left) > 0 {
		return fmt.Errorf("cannot remove what an earlier run has left: %s", strings.Join(left, ", "))
	}
	if err := l.makeDir(); err != nil {
		return err
	}
	l.say("importing the image of the probes")
	return l.importImage(ctx)
}

func (l *Lab) say(text string) {
	if l.opt.Progress != nil {
		l.opt.Progress(text)
	}
}

// Close removes all that the lab made and returns what it could not remove. The
// context must be a fresh one after an interrupt.
func (l *Lab) Close(ctx context.Context) (left []string) {
	left = append(left, l.outside.Close(ctx)...)
	if l.socket != nil {
		l.socket.Close()
	}
	left = append(left, l.sweep(ctx)...)
	l.docker.Close()
	l.lock.Close()
	return left
}

// Policy is what the host should be like; nil for no policy.
func (l *Lab) Policy() *plans.Policy { return l.opt.Policy }

// Snapshot is the host as it was before the first probe.
func (l *Lab) Snapshot() *resource.Snapshot { return l.opt.Snapshot }

// Dir is a folder on the host that every container may write.
func (l *Lab) Dir() string { return l.dir }

// makeDir makes the folder. Root in a container may be anybody on the host, so
// that all may write it; its name is hard to guess and the one above cannot be
// listed, so that only those who are told of it do. The one above may be passed
// through: with user namespaces, runc before 1.2 looks bind mounts up as the mapped
// root.
func (l *Lab) makeDir() error {
	if err := os.Mkdir(l.places.dir, 0o711); err != nil {
		return fmt.Errorf("cannot make a folder for the probes: %w", err)
	}
	l.dir = l.places.dir + "/" + token(16)
	if err := errors.Join(os.Mkdir(l.dir, 0o777), os.Chmod(l.dir, 0o777)); err != nil {
		return fmt.Errorf("cannot make a folder for the probes: %w", err)
	}
	return l.listen()
}

// listen makes probe.Socket, which says nothing to who connects.
func (l *Lab) listen() (err error) {
	path := l.dir + "/" + probe.Socket
	if l.socket, err = net.Listen("unix", path); err != nil {
		return fmt.Errorf("cannot make a socket for the probes: %w", err)
	}
	go func() {
		for {
			conn, err := l.socket.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return os.Chmod(path, 0o777)
}

// token is a name of n random bytes.
func token(n int) string {
	b := make([]byte, n)
	random(b)
	return hex.EncodeToString(b)
}

// random fills b; crypto/rand never fails.
func random(b []byte) { _, _ = rand.Read(b) }

package remediate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/auditd"
	"github.com/bulwark-project/bulwark/remediate/internal/containers"
	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/packages"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// A run is one mutating command: it holds the lock, and what an earlier run
// left unfinished is already recovered.
type run struct {
	host *Host
	txn  *txn.Manager
	step *dockerd.Step
	say  func(string)
	// install and events are the steps that install packages and load audit
	// rules.
	install *packages.Step
	events  *auditd.Step
	// boxes is the step that changes limits of containers.
	boxes *containers.Step
	// notes tell what begin had to recover.
	notes []string
	// dead is set when the change is to be confirmed.
	dead *deadMan
}

// accountsTimeout is shadow-utils' own patience (lckpwdf(3)).
const accountsTimeout = 15 * time.Second

// errNeedsRoot comes before anything is touched.
var errNeedsRoot = errors.New("cannot change the host: needs root")

// begin takes the lock and recovers. A program that others can write may undo
// what it has begun (recover), and begins nothing.
func (h *Host) begin(ctx context.Context, wait time.Duration, progress func(string)) (*run, error) {
	if err := CheckProgram(); err != nil {
		return nil, err
	}
	r, err := h.open(ctx, wait, progress)
	if err != nil {
		return nil, err
	}
	rep, err := r.txn.Recover(ctx, txn.RecoverOptions{})
	if err != nil {
		r.close()
		return nil, err
	}
	if rep.ID != "" {
		h.disarm(ctx, rep.ID)
		r.notes = append([]string{fmt.Sprintf("transaction %s, which an earlier run left open, is now %s", rep.ID, rep.Outcome)}, slices.Concat(rep.Notes, r.left())...)
	}
	return r, nil
}

func (h *Host) open(ctx context.Context, wait time.Duration, progress func(string)) (*run, error) {
	if err := h.Permitted(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	step := &dockerd.Step{DockerHost: h.dockerHost, Limits: dockerd.DefaultLimits, Progress: progress}
	rules := &firewall.Step{Progress: progress}
	install, events := &packages.Step{Progress: progress}, &auditd.Step{Progress: progress}
	boxes := &containers.Step{DockerHost: h.dockerHost, Progress: progress}
	m, err := txn.Open(ctx, txn.Options{
		Root: h.root, StateDir: StateDir, Steps: []txn.Step{rules, install, boxes, events, step},
		LockTimeout: wait, AccountsTimeout: accountsTimeout,
	})
	if err != nil {
		return nil, err
	}
	rules.Lock, install.Lock = m.LockFile(), m.LockFile()
	return &run{host: h, txn: m, step: step, install: install, events: events, boxes: boxes, say: progress}, nil
}

// left are the notes of the steps on what an undo could not bring back, each
// told once.
func (r *run) left() []string {
	notes := slices.Concat(r.step.Lost, r.install.Notes, r.events.Notes, r.boxes.Notes)
	r.step.Lost, r.install.Notes, r.events.Notes, r.boxes.Notes = nil, nil, nil, nil
	return notes
}

// limitStart bounds the start with the new configuration, and by a minute
// more the one with the old; 0 leaves the default. An undo of an earlier run,
// in begin, has the default.
func (r *run) limitStart(d time.Duration) {
	if d > 0 {
		r.step.Limits.Start = d
	}
}

func (r *run) close() { r.txn.Close() }

// explain puts an error from before the transaction into the facade's terms: a
// drift found under the lock is a stale plan, a conflict a refused rollback.
func (r *run) explain(err error) error {
	var drift *txn.DriftError
	if errors.As(err, &drift) {
		return &StaleError{What: drift.Error(), raced: true}
	}
	var conflict *txn.ConflictError
	if errors.As(err, &conflict) {
		return &EditedError{Conflict: conflict}
	}
	return err
}

// actor says who called, for the history.
func actor() txn.Actor {
	a := txn.Actor{
		UID: os.Getuid(), SudoUser: os.Getenv("SUDO_USER"), SSHConnection: host.SSHConnection(),
	}
	if b, err := os.ReadFile("/proc/self/loginuid"); err == nil {
		a.LoginUID = strings.TrimSpace(string(b))
	}
	return a
}

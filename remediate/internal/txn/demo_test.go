package txn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// The test binary, started with BULWARK_DEMO, is a small program that applies
// one fixed transaction, so that tests can kill it. Its exit codes are those of
// bulwark.
func TestMain(m *testing.M) {
	if verb := os.Getenv("BULWARK_DEMO"); verb != "" {
		os.Exit(demo(verb))
	}
	rc := m.Run()
	if os.Getenv("BULWARK_ALONE") == "" {
		_ = os.Remove(os.Getenv(programEnv))
	}
	os.Exit(rc)
}

const (
	stateDir   = "/var/lib/bulwark"
	oldDaemon  = "{\n\t\"debug\": true\n}\n"
	newDaemon  = "{\n\t\"debug\": true,\n\t\"icc\": false\n}\n"
	newDropIn  = "[Service]\nExecStart=\n"
	oldForeign = "owned by somebody\n"
	newForeign = "owned by somebody, changed\n"
	oldSubuid  = "alice:100000:65536\n"
)

func demo(verb string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	etc := os.Getenv("BULWARK_DEMO_ROOT") + "/etc"
	switch verb {
	case "usermod":
		return report(usermod(etc, os.Getenv("BULWARK_DEMO_LINE")))
	case "trylock":
		return report(tryLock(etc))
	}
	demoSleep()
	demoLimit()
	root, err := fsys.OpenRoot(os.Getenv("BULWARK_DEMO_ROOT"))
	if err != nil {
		return report(err)
	}
	timeout, _ := time.ParseDuration(os.Getenv("BULWARK_DEMO_TIMEOUT"))
	m, err := txn.Open(ctx, txn.Options{
		Root: root, StateDir: stateDir, LockTimeout: timeout,
		Steps: []txn.Step{service{root}}, BootID: os.Getenv("BULWARK_DEMO_BOOT"), Uptime: demoUptime(),
	})
	if err != nil {
		return report(err)
	}
	defer m.Close()
	switch verb {
	case "confirm":
		return demoConfirm(m.Confirm(ctx, os.Getenv("BULWARK_DEMO_ID")))
	case "takeback":
		return demoConfirm(m.TakeBack(ctx, os.Getenv("BULWARK_DEMO_ID")))
	}
	rep, err := m.Recover(ctx, txn.RecoverOptions{
		Force: verb == "force", Keep: verb == "keep", Boot: verb == "boot", Due: os.Getenv("BULWARK_DEMO_DUE"),
	})
	if err != nil {
		return report(err)
	}
	switch verb {
	case "apply":
		return demoApply(ctx, m, root)
	case "rollback":
		return demoRollback(ctx, m, root)
	case "hold":
		return holdLock(m)
	}
	if rep.ID != "" || rep.Dropped != nil {
		fmt.Println("recovered", rep.ID, rep.Outcome, rep.Dropped)
	}
	return 0
}

// report prints err and returns the exit code for it.
func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	var (
		conflict   *txn.ConflictError
		damaged    *txn.DamagedError
		unfinished *txn.UnfinishedError
		busy       *txn.BusyError
		drift      *txn.DriftError
		awaiting   *txn.AwaitingError
		late       *txn.LateError
		idle       *txn.NotWaitingError
	)
	switch {
	case errors.As(err, &conflict), errors.As(err, &damaged), errors.As(err, &unfinished):
		return 4
	case errors.As(err, &busy):
		return 5
	case errors.As(err, &drift):
		return 6
	case errors.As(err, &awaiting):
		return 8
	case errors.As(err, &late):
		return 9
	case errors.As(err, &idle):
		return 10
	}
	return 1
}

func demoApply(ctx context.Context, m *txn.Manager, root *fsys.Root) int {
	spec, err := demoSpec(root)
	if err != nil {
		return report(err)
	}
	return demoRun(ctx, m, spec)
}

func demoRollback(ctx context.Context, m *txn.Manager, root *fsys.Root) int {
	spec, err := m.RollbackSpec("")
	if err != nil {
		return report(err)
	}
	return demoRun(ctx, m, spec)
}

func demoRun(ctx context.Context, m *txn.Manager, spec txn.Spec) int {
	res, err := m.Run(ctx, spec)
	if err != nil {
		return report(err)
	}
	fmt.Println(res.Outcome, res.ID, res.Cause, res.Undo)
	switch res.Outcome {
	case txn.Committed, txn.Unchanged:
		if res.Cause != nil {
			return report(res.Cause)
		}
		return 0
	case txn.Awaiting:
		return 8
	case txn.NotApplied:
		return report(res.Cause)
	case txn.RolledBack:
		report(res.Cause)
		return 3
	}
	return report(res.Undo)
}

// demoSpec replaces a file with attributes and mode, one of a foreign owner, and
// lines of subuid; creates one in a missing directory; deletes one from a
// directory where nothing else happens, so that only its own sync makes it last.
func demoSpec(root *fsys.Root) (txn.Spec, error) {
	var err error
	print := func(path string) resource.Fingerprint {
		p, e := root.Fingerprint(path)
		err = errors.Join(err, e)
		return p
	}
	uid, gid := me()
	changes := []resource.Change{
		{Path: "/etc/docker/daemon.json", Content: []byte(newDaemon)},
		{Path: "/etc/foreign.conf", Content: []byte(newForeign)},
		{Path: "/etc/systemd/system/docker.service.d/10-bulwark.conf", Content: []byte(newDropIn), Mode: 0o644, UID: uid, GID: gid},
		{Path: "/etc/obsolete.d/old.conf", Action: resource.Delete},
		{Path: "/etc/subuid", Lines: &resource.LineEdit{Add: []string{"dockremap:231072:65536"}}, Lock: resource.LockAccounts},
	}
	for i := range changes {
		changes[i].Before = print(changes[i].Path)
		if changes[i].Before.SHA256 == resource.Sum(changes[i].Content) {
			changes[i].Content = []byte{}
		}
	}
	spec := txn.Spec{
		Command: []string{"demo", "apply"}, Tool: "demo", PlanSHA: "0123", Changes: changes,
		Steps: []txn.StepSpec{{Name: "service", Payload: json.RawMessage(`{"unit":"docker.service"}`)}},
	}
	if converged(changes) {
		spec.Changes, spec.Steps = nil, nil
	}
	demoAwait(&spec)
	fail := os.Getenv("BULWARK_DEMO_FAIL")
	spec.Validate = func(_ context.Context, staged []txn.Staged) error { return validate(staged, fail) }
	spec.Health = func(ctx context.Context) error {
		if fail == "slow" {
			fmt.Println("waiting")
			<-ctx.Done()
		}
		if fail == "health" {
			return errors.New("the daemon died")
		}
		return ctx.Err()
	}
	return spec, err
}

// me owns new files, so that the tests need no root.
func me() (uid, gid uint32) { return uint32(os.Geteuid()), uint32(os.Getegid()) }

func converged(changes []resource.Change) bool {
	for _, c := range changes[:1] {
		if c.Before.SHA256 != resource.Sum([]byte(newDaemon)) {
			return false
		}
	}
	return true
}

func validate(staged []txn.Staged, fail string) error {
	for _, s := range staged {
		if _, err := os.ReadFile(s.Temp); err != nil {
			return err
		}
	}
	if fail == "validate" {
		return errors.New("the daemon refuses the file")
	}
	return nil
}

// service plays a daemon that reads daemon.json when it starts. What it read is
// kept outside of the root, in memory as it were.
type service struct{ root *fsys.Root }

func (service) Name() string { return "service" }

func (s service) Do(_ context.Context, _ json.RawMessage) (json.RawMessage, error) {
	if os.Getenv("BULWARK_DEMO_FAIL") == "step" {
		_ = setService("dead")
		return nil, errors.New("the daemon does not start")
	}
	return json.RawMessage(`{"invocation":"2"}`), s.start()
}

func (s service) start() error {
	f, err := s.root.File("/etc/docker/daemon.json")
	if err != nil {
		return err
	}
	return setService("running " + f.Print.SHA256)
}

func (service) Quiesce(_ context.Context, _ json.RawMessage, info txn.UndoInfo) error {
	if !info.SameBoot || !info.Did {
		return nil
	}
	return setService("stopped")
}

func (s service) Restore(_ context.Context, _ json.RawMessage, info txn.UndoInfo) error {
	if !info.SameBoot {
		return nil
	}
	return s.start()
}

func setService(state string) error {
	return os.WriteFile(os.Getenv("BULWARK_DEMO_ROOT")+".service", []byte(state), 0o600)
}

// holdLock starts a child that inherits the lock, says so, and waits to be
// killed itself.
func holdLock(m *txn.Manager) int {
	r, w, err := os.Pipe()
	if err != nil {
		return report(err)
	}
	child, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "read line"}, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, m.LockFile()},
	})
	_ = w
	if err != nil {
		return report(err)
	}
	fmt.Println("held", child.Pid)
	_, _ = r.Read(make([]byte, 1)) // for ever
	return 0
}

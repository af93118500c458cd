//go:build linux && amd64

package ptrace

import (
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options say what to run and what to do to it.
type Options struct {
	Argv   []string
	Env    []string // nil: that of the caller
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// N is the call at which Act happens, from 1; 0 only counts.
	N int
	// Onward says that Act happens at all calls after it too.
	Onward bool
	// Act runs while the program is stopped at call N. nil means Kill(SIGKILL).
	Act func(*Stop) error
	// ParentOnly leaves children untraced and, on a kill, alive.
	ParentOnly bool
	// Match, if set, selects which of the mutating calls count.
	Match func(Call) bool
	// Each, if set, is called at every call that counts, before it is carried
	// out, and Exec when a child has become another program and has not run any
	// of it. The thread is stopped meanwhile, others run on.
	Each func(Call)
	Exec func(pid int)
}

// A Result is what was seen.
type Result struct {
	Calls []Call
	// Status is the end of the program itself.
	Status syscall.WaitStatus
}

// A Stop is the program, stopped at the entry of a call.
type Stop struct {
	Call
	main int
	opt  *Options
	fail int // errno to inject
}

// Kill sends sig to the whole process group, or to the program alone with
// ParentOnly.
func (s *Stop) Kill(sig syscall.Signal) error {
	if s.opt.ParentOnly {
		return syscall.Kill(s.main, sig)
	}
	return syscall.Kill(-s.main, sig)
}

// Fail makes the call fail with errno instead of being carried out.
func (s *Stop) Fail(errno syscall.Errno) { s.fail = int(errno) }

type tracer struct {
	opt     *Options
	main    int
	res     Result
	entered map[int]bool // thread is inside a call
	failing map[int]int  // thread -> errno to return
	seen    map[int]bool
}

// Run runs the program to its end.
func Run(opt Options) (Result, error) {
	runtime.LockOSThread() // ptrace binds to the thread that started the program
	defer runtime.UnlockOSThread()
	cmd := exec.Command(opt.Argv[0], opt.Argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = opt.Env, opt.Stdin, opt.Stdout, opt.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("cannot start %s: %w", opt.Argv[0], err)
	}
	t := &tracer{
		opt: &opt, main: cmd.Process.Pid,
		entered: map[int]bool{}, failing: map[int]int{}, seen: map[int]bool{},
	}
	err := t.loop()
	if err != nil {
		_ = syscall.Kill(-t.main, syscall.SIGKILL)
	}
	// The program is reaped by the loop; Wait only ends the copying of output.
	_ = cmd.Wait()
	return t.res, err
}

func (t *tracer) options() int {
	o := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC
	if !t.opt.ParentOnly {
		o |= unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_EXITKILL
	}
	return o
}

func (t *tracer) loop() error {
	for {
		var ws syscall.WaitStatus
		// __WNOTHREAD: children that other threads of this program started
		// are not ours to reap.
		pid, err := syscall.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			return nil
		case err != nil:
			return fmt.Errorf("cannot wait: %w", err)
		}
		if ws.Exited() || ws.Signaled() {
			if pid == t.main {
				t.res.Status = ws
				if t.opt.ParentOnly {
					return nil
				}
			}
			continue
		}
		if err := t.stopped(pid, ws); err != nil && err != syscall.ESRCH {
			return err
		}
	}
}

// stopped handles one ptrace stop and lets the thread go on.
func (t *tracer) stopped(pid int, ws syscall.WaitStatus) error {
	sig := ws.StopSignal()
	first := !t.seen[pid]
	t.seen[pid] = true
	if first && pid == t.main {
		if err := unix.PtraceSetOptions(pid, t.options()); err != nil {
			return fmt.Errorf("cannot trace: %w", err)
		}
	}
	deliver := 0
	switch {
	case sig == syscall.SIGTRAP|0x80:
		if err := t.call(pid); err != nil {
			return err
		}
	case sig == syscall.SIGTRAP:
		// An event, or the exec at the start.
		if t.opt.Exec != nil && ws.TrapCause() == unix.PTRACE_EVENT_EXEC {
			t.opt.Exec(pid)
		}
	case first && sig == syscall.SIGSTOP:
		// How a new thread or child reports.
	default:
		deliver = int(sig)
	}
	return unix.PtraceSyscall(pid, deliver)
}

// call is at the entry or the exit of a system call.
func (t *tracer) call(pid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	entry, err := atEntry(pid)
	if err != nil {
		return err
	}
	if !entry {
		if errno, ok := t.failing[pid]; ok {
			delete(t.failing, pid)
			regs.Rax = uint64(-int64(errno))
			return unix.PtraceSetRegs(pid, &regs)
		}
		return nil
	}
	c, ok := decode(pid, &regs)
	if !ok || t.opt.Match != nil && !t.opt.Match(c) {
		return nil
	}
	c.N = len(t.res.Calls) + 1
	t.res.Calls = append(t.res.Calls, c)
	if t.opt.Each != nil {
		t.opt.Each(c)
	}
	if c.N != t.opt.N && (!t.opt.Onward || t.opt.N == 0 || c.N < t.opt.N) {
		return nil
	}
	return t.act(pid, c, regs)
}

func (t *tracer) act(pid int, c Call, regs unix.PtraceRegs) error {
	s := &Stop{Call: c, main: t.main, opt: t.opt}
	if t.opt.Act == nil {
		return s.Kill(syscall.SIGKILL)
	}
	if err := t.opt.Act(s); err != nil {
		return err
	}
	if s.fail == 0 {
		return nil
	}
	t.failing[pid] = s.fail
	regs.Orig_rax = ^uint64(0) // no such call: the kernel skips it
	return unix.PtraceSetRegs(pid, &regs)
}

// Signal returns which signal ended the program, 0 if it exited.
func (r Result) Signal() syscall.Signal {
	if r.Status.Signaled() {
		return r.Status.Signal()
	}
	return 0
}

// Exit returns the exit code as a shell shows it: 128+n after signal n.
func (r Result) Exit() int {
	if s := r.Signal(); s != 0 {
		return 128 + int(s)
	}
	return r.Status.ExitStatus()
}

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programTimeout bounds one program that reads or loads rules, its wait for
// the xtables lock included: bulwark may hold the transaction's lock meanwhile.
const programTimeout = 2 * time.Minute

// outputLimit bounds what is kept of each stream of a program: one that prints
// for ever must not use up the memory of the host.
const outputLimit = 64 << 20

// A running program, its output collected.
type running struct {
	cmd         *exec.Cmd
	out, errors output
	err         error

	ctx    context.Context
	cancel context.CancelFunc
	limit  time.Duration
}

func startCommand(ctx context.Context, argv []string, input []byte, keep *os.File) *running {
	return startWithin(ctx, programTimeout, argv, input, keep)
}

func startWithin(ctx context.Context, limit time.Duration, argv []string, input []byte, keep *os.File) *running {
	r := prepare(ctx, limit, argv, input, keep)
	r.start()
	return r
}

func (r *running) start() { r.err = r.cmd.Start() }

func prepare(ctx context.Context, limit time.Duration, argv []string, input []byte, keep *os.File) *running {
	r := &running{}
	r.ctx, r.cancel = context.WithTimeout(ctx, limit)
	if end, ok := r.ctx.Deadline(); ok {
		r.limit = time.Until(end).Round(100 * time.Millisecond) // the caller's may be nearer
	}
	r.cmd = command(r.ctx, argv)
	// Between the end of a program and that of its output a busy machine may
	// take its time; a pipe that another process holds open is not waited for.
	r.cmd.WaitDelay = 5 * time.Second
	r.out.full, r.errors.full = r.cancel, r.cancel
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.errors
	if input != nil {
		r.cmd.Stdin = bytes.NewReader(input)
	}
	if keep != nil {
		r.cmd.ExtraFiles = []*os.File{keep}
	}
	return r
}

// An output is what a program wrote, up to outputLimit. A program that writes
// more is stopped, for what is cut off must not count as the whole.
type output struct {
	kept bytes.Buffer
	over bool
	full func()
}

func (o *output) Write(p []byte) (int, error) {
	if o.kept.Len()+len(p) > outputLimit {
		o.over = true
		o.full()
		return 0, errors.New("too much output")
	}
	return o.kept.Write(p)
}

// A ProgramError is a program that ended by itself with another status than 0.
type ProgramError struct {
	Program string
	Code    int
	Stderr  string
}

func (e *ProgramError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("%s ended with status %d", e.Program, e.Code)
	}
	return fmt.Sprintf("%s says: %.2000s", e.Program, e.Stderr)
}

// A stoppedError is a program that did not come to its own end: to try again
// would not help.
type stoppedError struct {
	program, how string
	cause        error
}

func (e *stoppedError) Error() string { return e.program + " " + e.how }
func (e *stoppedError) Unwrap() error { return e.cause }

func (r *running) wait() ([]byte, error) {
	defer r.cancel()
	err := r.err
	if err == nil {
		err = r.cmd.Wait()
	}
	if err == nil {
		return r.out.kept.Bytes(), nil
	}
	return nil, r.explain(err)
}

// explain tells why a program has no result. The terminal sends Ctrl-C to the
// program as well, which may end before bulwark hears of it.
func (r *running) explain(err error) error {
	name := filepath.Base(r.cmd.Path)
	var exit *exec.ExitError
	signalled := errors.As(err, &exit) && exit.ExitCode() < 0
	switch {
	case r.out.over || r.errors.over:
		return &stoppedError{name, fmt.Sprintf("wrote more than %d MiB and was stopped", outputLimit>>20), err}
	case errors.Is(r.ctx.Err(), context.DeadlineExceeded):
		return &stoppedError{name, fmt.Sprintf("did not end within %s", r.limit), r.ctx.Err()}
	case r.ctx.Err() != nil, signalled && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGINT:
		return &stoppedError{name, "was interrupted", context.Canceled}
	case signalled:
		return &stoppedError{name, "was ended by a signal: " + exit.Sys().(syscall.WaitStatus).Signal().String(), err}
	case exit != nil:
		said := strings.Join(strings.Fields(r.errors.kept.String()), " ")
		return &ProgramError{name, exit.ExitCode(), said}
	}
	return fmt.Errorf("cannot run %s: %w", name, err)
}

// joined are several errors as one line, for a reason is one wherever it is
// shown.
type joined []error

// together is errors.Join but for the newlines.
func together(errs ...error) error {
	var all joined
	for _, err := range errs {
		if more, ok := err.(joined); ok {
			all = append(all, more...)
		} else if err != nil {
			all = append(all, err)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

func (j joined) Error() string {
	said := make([]string, len(j))
	for i, err := range j {
		said[i] = err.Error()
	}
	return strings.Join(said, "; ")
}

func (j joined) Unwrap() []error { return j }

package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake is a program that is a script.
func fake(t *testing.T, script string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "iptables-fake-save")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

// wantStopped also proves that it took no longer than it may.
func wantStopped(t *testing.T, r *running, text string) {
	t.Helper()
	began := time.Now()
	out, err := r.wait()
	var stopped *stoppedError
	if out != nil || !errors.As(err, &stopped) || err.Error() != text {
		t.Errorf("%d bytes and %v, not %q", len(out), err, text)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	if Raced(err) {
		t.Error("it would be tried again")
	}
}

// TestTooMuchOutput: a program that prints for ever is stopped, whichever
// stream it prints to, and what it printed is no result.
func TestTooMuchOutput(t *testing.T) {
	const text = "iptables-fake-save wrote more than 64 MiB and was stopped"
	for _, script := range []string{
		"exec cat /dev/zero", "exec cat /dev/zero >&2",
		"trap '' PIPE; cat /dev/zero; exec sleep 100", // it goes on when nobody listens
		"head -c 67108865 /dev/zero",                  // it ends well
	} {
		r := startCommand(context.Background(), fake(t, script), nil, nil)
		wantStopped(t, r, text)
		if n := r.out.kept.Cap() + r.errors.kept.Cap(); n > 4*outputLimit {
			t.Errorf("%s: %d bytes are held", script, n)
		}
	}
	out, err := startCommand(context.Background(), fake(t, "exec head -c 67108864 /dev/zero"), nil, nil).wait()
	if err != nil || len(out) != outputLimit {
		t.Errorf("at the limit: %d bytes, %v", len(out), err)
	}
}

// TestProgramTimeout: each program has its own deadline, and one of the
// caller's that is nearer is told as it is.
func TestProgramTimeout(t *testing.T) {
	hangs := fake(t, "sleep 100")
	wantStopped(t, startWithin(context.Background(), 200*time.Millisecond, hangs, nil, nil), "iptables-fake-save did not end within 200ms")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	wantStopped(t, startCommand(ctx, hangs, nil, nil), "iptables-fake-save did not end within 300ms")
	r := startCommand(context.Background(), fake(t, "exit 0"), nil, nil)
	if end, ok := r.ctx.Deadline(); !ok || time.Until(end) > 2*time.Minute || r.limit.String() != "2m0s" {
		t.Errorf("a program may run until %s (%s)", end, r.limit)
	}
	if out, err := r.wait(); err != nil || len(out) != 0 {
		t.Errorf("%q, %v", out, err)
	}
}

// TestInterrupted: Ctrl-C reaches bulwark, the program, or both.
func TestInterrupted(t *testing.T) {
	const text = "iptables-fake-save was interrupted"
	ctx, cancel := context.WithCancel(context.Background())
	r := startCommand(ctx, fake(t, "sleep 100"), nil, nil)
	cancel()
	wantStopped(t, r, text)
	wantStopped(t, startCommand(ctx, fake(t, "exit 0"), nil, nil), text) // before its start
	r = startCommand(context.Background(), fake(t, "kill -INT $$; exit 0"), nil, nil)
	_, err := r.wait()
	if err == nil || err.Error() != text || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r = startCommand(context.Background(), fake(t, "kill -KILL $$"), nil, nil)
	wantStopped(t, r, "iptables-fake-save was ended by a signal: killed")
}

// TestProgramError: what a program says of its own failure is told, in one line.
func TestProgramError(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3":                          "iptables-fake-save ended with status 3",
		"echo no >&2; echo y >&2; exit 1": "iptables-fake-save says: no y",
	} {
		_, err := startCommand(context.Background(), fake(t, script), nil, nil).wait()
		var p *ProgramError
		if !errors.As(err, &p) || err.Error() != want {
			t.Errorf("%q: %v, not %q", script, err, want)
		}
	}
	_, err := startCommand(context.Background(), []string{"/nowhere/iptables-save"}, nil, nil).wait()
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot run iptables-save: ") {
		t.Errorf("got %v", err)
	}
}

// TestTogether: several errors are one line, and each can be found.
func TestTogether(t *testing.T) {
	if err := together(nil, nil); err != nil {
		t.Errorf("got %v", err)
	}
	p := &ProgramError{Program: "x", Code: 1}
	err := together(together(context.Canceled, nil, p), errors.New("y"))
	if err.Error() != "context canceled; x ended with status 1; y" {
		t.Errorf("got %q", err)
	}
	var found *ProgramError
	if !errors.As(err, &found) || !errors.Is(err, context.Canceled) {
		t.Error("a part cannot be found")
	}
}

package host_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// TestBinaryVersion: dockerd is asked; a wrapper, which might start a daemon,
// and what only a PATH could resolve are never run.
func TestBinaryVersion(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	for _, name := range []string{"dockerd", "start-docker.sh"} {
		script := "#!/bin/sh\necho >>" + ran + "\necho 'Docker version 28.1.0, build x'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	r := host.NewReader("/", nil, "")
	for _, path := range []string{filepath.Join(dir, "start-docker.sh"), "dockerd", ""} {
		if b, err := r.BinaryVersion(context.Background(), path); err == nil {
			t.Errorf("%q was run: %+v", path, b)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program was run")
	}
	if b, err := r.BinaryVersion(context.Background(), filepath.Join(dir, "dockerd")); err != nil || b.Version != "28.1.0" {
		t.Errorf("%+v, %v", b, err)
	}
}

package resource

import "context"

// A Reader is the door through which kinds look at the host. It has no method
// that changes anything: that plan cannot write is held by the compiler.
type Reader interface {
	// Root is "/" or the directory given by --root.
	Root() string
	// File returns the state and the bytes of a path below Root, following
	// links in parents but not a final link. An absent file is no error.
	// Files of more than 16 MiB are refused.
	File(path string) (File, error)
	// Fingerprint is File without the bytes.
	Fingerprint(path string) (Fingerprint, error)
	// Unit asks systemd. It fails if the host is not booted with systemd.
	Unit(ctx context.Context, name string) (Unit, error)
	// Process reads /proc/PID.
	Process(pid int) (Process, error)
	// Engine asks the running daemon.
	Engine(ctx context.Context) (Engine, error)
	// Containers lists all containers, stopped ones too.
	Containers(ctx context.Context) ([]Container, error)
	// Query runs a program that is known to change nothing.
	Query(ctx context.Context, argv ...string) ([]byte, error)
}

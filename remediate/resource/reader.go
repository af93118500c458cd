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
	// Networks lists the daemon's networks.
	Networks(ctx context.Context) ([]Network, error)
	// Firewall reads netfilter's tables and who else manages them. It needs
	// root and creates nothing, not even an empty table.
	Firewall(ctx context.Context) (Firewall, error)
	// Flows reads connection tracking: what was opened from an address in one
	// of the networks (CIDR) to one outside all of them. It needs root.
	Flows(ctx context.Context, from []string) ([]Flow, error)
	// Resolve looks a name up as this host does (hosts file, DNS) and returns
	// its addresses, sorted.
	Resolve(ctx context.Context, name string) ([]string, error)
	// Filters reads which seccomp filter each running container was given. What
	// cannot be read is left out.
	Filters(ctx context.Context, all []Container) map[string]SeccompFilter
	// Usage asks the daemon what each running container of all uses, and
	// returns it by id. What cannot be read is left out.
	Usage(ctx context.Context, all []Container) map[string]Usage
	// Audit reads the kernel's audit rules and the files that they come from,
	// and what lies at paths. It loads nothing.
	Audit(ctx context.Context, paths []string) (Audit, error)
	// Survey reads what only check asks about: images, swarm, listening sockets,
	// packages, and the state of files at paths.
	Survey(ctx context.Context, want SurveyWant) Survey
	// Query runs a program that is known to change nothing.
	Query(ctx context.Context, argv ...string) ([]byte, error)
}

// SurveyWant is what Survey is asked for.
type SurveyWant struct {
	// Paths are looked at one by one; one that ends in /** is everything below
	// it, at most some hundred files.
	Paths []string
	// DataRoot is the daemon's; "" for /var/lib/docker.
	DataRoot string
	// Daemon says that the daemon runs and may be asked.
	Daemon bool
	// Programs are versions of containerd and runc that are known already, by
	// program; the others are asked.
	Programs map[string]string
}

// Package probe attacks a host from containers of its own, harmlessly, and says
// whether each defence held. What it does to the host goes through Lab alone, so
// that everything it made can be found and removed again.
package probe

import (
	"context"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Probe is one attack.
type Probe struct {
	// ID is the slug that users name it by.
	ID    string
	Title string
	// Tries says what it tries, Must what must happen for the defence to hold.
	Tries, Must string
	// Shows and Not say what a success shows and what it does not, for the docs.
	Shows, Not string
	OWASP      []string
	// Wanted reports whether a policy asks for the defence. nil policies ask for
	// all.
	Wanted func(*plans.Policy) bool
	// Limit bounds the time of one run; 0 means 10 s.
	Limit time.Duration
	Run   func(context.Context, Lab) Outcome
}

// An Outcome is what one probe saw.
type Outcome struct {
	Verdict  resource.Verdict
	Observed string
	Positive string
	Evidence []string
}

// Labels of all that a lab makes, and the prefix of all names.
const (
	Label  = "org.bulwark-project.probe"
	Prefix = "bulwark-probe-"
)

// A Lab is a workplace on one host for the time of one proof. All that it makes
// carries Label or Prefix, is bounded in time, memory and processes, and is
// removed by Close, or by the next lab if this one was killed.
type Lab interface {
	// Policy is what the host should be like; nil for no policy.
	Policy() *plans.Policy
	// Snapshot is the host as it was observed before the first probe.
	Snapshot() *resource.Snapshot
	// Run makes a container that runs bulwark's own program with the arguments
	// "inside ATTACK ARGS...", and waits for its end.
	Run(ctx context.Context, b Box) (Result, error)
	// Start is Run without waiting; Stop ends and removes it.
	Start(ctx context.Context, b Box) (Running, error)
	// Network makes a bridge network of the lab's own, or returns the one of that
	// name that it made before.
	Network(ctx context.Context, name string) (Net, error)
	// Target makes hosts outside, reachable through routing only, on which every
	// port of a few answers; it is made once.
	Target(ctx context.Context) (Target, error)
	// Away is the host to attack over an IP version: Target, or one that the user
	// named, of which only addresses, ports, Seen, Ask and Leads are known.
	Away(ctx context.Context, v6 bool) (Target, error)
	// Listen answers on a TCP port of the host itself, on all its addresses, until
	// the lab closes, and says which port.
	Listen(ctx context.Context) (port int, err error)
	// Syslog receives what is sent to a TCP address on the host's loopback.
	Syslog(ctx context.Context) (address string, received func() []string, err error)
	// Records are the keys of the kernel's audit records while f runs: those with
	// text in them.
	Records(ctx context.Context, text string, f func() error) (keys []string, err error)
	// Dir is a folder of the lab's own on the host, mode 0777.
	Dir() string
}

// A Box is a container of a lab. Each has hard bounds besides what is given here:
// 128 MiB of memory with swap, 256 processes, no restart, removed when it ends.
type Box struct {
	// Attack are the arguments after "inside".
	Attack []string
	// User is as in docker run; "" is root.
	User string
	// Network is a name: none (also ""), bridge, or one of Lab.Network.
	Network string
	// Options of docker run.
	Privileged       bool
	UsernsHost       bool
	HostPID, HostNet bool
	SecurityOpt      []string
	CapAdd, CapDrop  []string
	ReadOnly         bool
	Unmasked         bool // without the masked and read-only paths of /proc
	Tmpfs            map[string]string
	Binds            []string // HOST:CONTAINER[:ro]
	Memory           int64    // bytes, less than the hard bound
	Pids             int64
	NoPids           bool              // without any limit of processes, for a positive control
	Publish          string            // container port as "7/tcp", on an address that the daemon chooses
	PublishIP        string            // "" leaves the address to the daemon
	LogDriver        string            // "" is the daemon's default
	LogOpts          map[string]string // with LogDriver
	DefaultLogs      bool              // keeps the daemon's default log driver; else none is used
}

// A Result is the end of a container.
type Result struct {
	// Refused is the daemon's word if it did not make or start the container.
	Refused string
	// RefusedAt is "create" or "start"; the latter may be the runtime's word.
	RefusedAt string
	// Report is what the attack printed: one JSON document.
	Report    []byte
	Exit      int
	OOMKilled bool
	// LogBytes is the size of its log on the host, all files together, LogFiles
	// their number; -1 if the driver keeps none.
	LogBytes int64
	LogFiles int
	// LogLargest is the size of the largest of them; LogDriver and LogOpts are what
	// the daemon made of the box's.
	LogLargest int64
	LogDriver  string
	LogOpts    map[string]string
	// HostUID is the user id that its process had on the host; -1 if it ended
	// before that could be read.
	HostUID int
	// Owners are the user ids, on the host, of the files in Lab.Dir.
	Owners map[string]int
}

// Socket is the name of a listening unix socket in Lab.Dir, for the positive
// control of what looks for sockets.
const Socket = "probe.sock"

// A Running container.
type Running interface {
	// IPs are its addresses on its network, PID its process on the host.
	IPs() []string
	PID() int
	// Published is the address of its published port: "127.0.0.1:49153".
	Published() []string
	// Lines are what the attack has printed so far.
	Lines() []string
	// Stop ends it and returns its result.
	Stop(ctx context.Context) (Result, error)
}

// A Net is a network of the lab.
type Net struct{ Name, Gateway, Gateway6 string }

// A Target is a host outside. Ports answer with what they were asked (tcp and udp),
// ICMP by the kernel. Seen counts what arrived at it since the last call.
type Target struct {
	// Addresses are empty if they cannot be had; Why4, Why6 and WhyMetadata say
	// why.
	IP4, IP6, Metadata      string
	Why4, Why6, WhyMetadata string
	// Host4 and Host6 are the host's addresses next to it.
	Host4, Host6 string
	// Port answers to TCP and UDP, HTTP (80) to a browser too.
	Port, HTTP int
	Seen       func() int
	// Arrived and Reached say what Seen counts, of containers and of the host.
	Arrived, Reached string
	// Dial connects from the target to an address of the host, for published
	// ports. An error is also that nobody answered.
	Dial func(ctx context.Context, address string) error
	// Ask tries from the host itself what the attack "reach" tries in a container,
	// by the same code, and says what came of it in the same words.
	Ask func(kind, address string) string
	// Leads says why the host would not send on to the target what comes from the
	// network that an address is on, rules of firewalls apart; nil if it would.
	Leads func(address string) error
	// Steer leads to the target what the network of that gateway sends to
	// Metadata: only that, until the lab closes.
	Steer func(gateway string) error
}

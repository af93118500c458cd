package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// recordProbes are about logs and audit records.
func recordProbes() []Probe {
	return []Probe{
		{
			ID: "audit-docker-file", Title: "A change to Docker's configuration is recorded", OWASP: []string{"D10"}, Limit: netLimit,
			Tries: "A container that has /etc/docker mounted makes a file there, and removes it.",
			Must:  "The kernel's audit has an event with the key bulwark-docker-files.",
			Shows: "That the rules are loaded and that events come out of the kernel.",
			Not:   "That somebody keeps or reads them.", Wanted: group("docker-files"), Run: recordFile,
		},
		{
			ID: "audit-escape", Title: "An attempt to leave a container is recorded", OWASP: []string{"D10", "D04"}, Limit: netLimit,
			Tries: "A container without seccomp calls unshare, setns and mount, in forms that change nothing.",
			Must:  "The kernel's audit has an event with the key bulwark-container-escape.",
			Shows: "That such calls are seen where no filter stops them.",
			Not:   "Calls that seccomp denies: those never reach audit.", Wanted: group("container-escape"), Run: recordEscape,
		},
		{
			ID: "remote-log", Title: "Logs of containers leave the host", OWASP: []string{"D10"}, Limit: netLimit,
			Tries: "A container logs a line by the driver syslog to a collector on loopback.",
			Must:  "The line arrives, and the daemon's default driver is one that sends logs to elsewhere.",
			Shows: "That this daemon can send logs off.",
			Not:   "That the collector which the default driver names is there.", Wanted: remoteWanted, Run: sendLog,
		},
	}
}

func group(name string) func(*plans.Policy) bool {
	return func(p *plans.Policy) bool {
		return p == nil || p.Audit != nil && slices.Contains(p.Audit.Groups, name)
	}
}

func remoteWanted(p *plans.Policy) bool {
	return p == nil || p.Logging != nil && p.Logging.Remote
}

// mark is a name that nobody else has.
func mark() string { return Prefix + strings.ToLower(rand.Text()) }

// recordFile makes a file where files are watched, and one where they are not.
func recordFile(ctx context.Context, l Lab) Outcome {
	if why := noConfig(l.Snapshot()); why != "" {
		return unable("%s", why)
	}
	touch := func(dir string) Box {
		b := Box{Attack: []string{"touch", "/watched/" + mark()}, UsernsHost: true, Binds: []string{dir + ":/watched"}}
		if host, _ := l.Snapshot().Host.Get(); slices.Contains(host.LSM, "selinux") {
			b.SecurityOpt = []string{"label=disable"}
		}
		return b
	}
	return recorded(ctx, l, "bulwark-docker-files", touch("/etc/docker"), touch(l.Dir()), "the same in a folder of the probe's own")
}

// noConfig says why there is no /etc/docker that is known of: a container that
// mounts what is not there would make it.
func noConfig(s *resource.Snapshot) string {
	f, _ := s.DaemonJSON.Get()
	if f.Path == "/etc/docker/daemon.json" && f.Print.Type == resource.Regular {
		return ""
	}
	if a, ok := s.Audit.Get(); ok && a.Paths["/etc/docker"].Type == resource.Dir {
		return ""
	}
	return "there is no /etc/docker on this host that is known of, and none is made for this"
}

// recordEscape makes the calls, and makes none.
func recordEscape(ctx context.Context, l Lab) Outcome {
	box := func(attack string) Box {
		return Box{Attack: []string{attack, mark()}, SecurityOpt: []string{"seccomp=unconfined"}}
	}
	return recorded(ctx, l, "bulwark-container-escape", box("audit-escape"), box("say"), "the same container without the calls")
}

// recorded runs an attack that must leave an event with a key, and an innocent one
// that must not. The last argument of each marks its records.
func recorded(ctx context.Context, l Lab, key string, attack, innocent Box, title string) Outcome {
	if a, ok := l.Snapshot().Audit.Get(); ok {
		if k, ok := a.Kernel.Get(); ok && k.Enabled == resource.AuditOff {
			return Outcome{Verdict: resource.Fails, Observed: "audit is switched off in the kernel: nothing is recorded"}
		}
	}
	quiet, err := keysOf(ctx, l, innocent)
	switch {
	case err != nil:
		return unable("%v", err)
	case slices.Contains(quiet, key):
		return unable("%s makes an event with the key %s too", title, key)
	}
	keys, err := keysOf(ctx, l, attack)
	if err != nil {
		return unable("%v", err)
	}
	o := Outcome{Verdict: resource.Fails, Observed: "no event with the key " + key, Positive: title + " makes no such event"}
	if len(keys) > 0 {
		o.Evidence = []string{"keys: " + strings.Join(keys, ", ")}
	}
	if slices.Contains(keys, key) {
		o.Verdict, o.Observed = resource.Holds, "an event with the key "+key
	}
	return o
}

// keysOf are the keys of the events of one box.
func keysOf(ctx context.Context, l Lab, b Box) ([]string, error) {
	text := b.Attack[len(b.Attack)-1]
	text = text[strings.LastIndex(text, "/")+1:]
	keys, err := l.Records(ctx, text, func() error {
		var report map[string]string
		return attack(ctx, l, b, &report)
	})
	if err != nil {
		return nil, fmt.Errorf("audit records cannot be read, or the container failed: %w", err)
	}
	return keys, nil
}

// sendLog logs a line by syslog, and another by no driver.
func sendLog(ctx context.Context, l Lab) Outcome {
	address, received, err := l.Syslog(ctx)
	if err != nil {
		return unable("%v", err)
	}
	sent, unsent := mark(), mark()
	send := Box{Attack: []string{"say", sent}, LogDriver: "syslog", LogOpts: map[string]string{"syslog-address": "tcp://" + address}}
	var wg sync.WaitGroup
	var silent error
	wg.Go(func() { silent = say(ctx, l, Box{Attack: []string{"say", unsent}, LogDriver: "none"}) })
	err = say(ctx, l, send)
	wg.Wait()
	if err != nil || silent != nil {
		return unable("a container that logs failed: %v", errors.Join(err, silent))
	}
	if !arrives(received, sent) {
		return Outcome{Verdict: resource.Fails, Observed: "the line of the driver syslog did not arrive"}
	}
	if has(received(), unsent) {
		return unable("a line that nobody sent arrived too")
	}
	return offHost(l, Outcome{Verdict: resource.Holds, Positive: "a container without a driver sends nothing"})
}

func say(ctx context.Context, l Lab, b Box) error {
	var report map[string]string
	return attack(ctx, l, b, &report)
}

// logWait is how long a line may take.
const logWait = 2 * time.Second

func arrives(received func() []string, text string) bool {
	for range 20 {
		if has(received(), text) {
			return true
		}
		time.Sleep(logWait / 20)
	}
	return false
}

func has(lines []string, text string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
}

// stay are the drivers whose logs stay on the host.
var stay = []string{"", "none", "json-file", "local", "journald"}

// offHost judges the daemon's own driver.
func offHost(l Lab, o Outcome) Outcome {
	engine, ok := l.Snapshot().Engine.Get()
	if !ok {
		return unable("the line arrived, but the daemon's default driver is not known: %s", l.Snapshot().Engine.Unknown)
	}
	o.Observed = "the line arrived, and the daemon's default driver is " + engine.LoggingDriver
	if slices.Contains(stay, engine.LoggingDriver) {
		o.Verdict = resource.Fails
		o.Observed = fmt.Sprintf("a driver that sends logs off works, but the daemon's default driver, %q, keeps them on this host", engine.LoggingDriver)
	}
	return o
}

package probe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A netLab is a lab on a host that exists in words only. Its zero value denies
// nothing and answers everything.
type netLab struct {
	policy   *plans.Policy
	snapshot *resource.Snapshot

	noTarget, noNetwork, noLeads, noSteer, noListen, noRecords error
	no4, no6                                                   string // why not
	given                                                      string // an address to attack over IPv4 instead
	hostSays                                                   string // of Ask; "" is answered
	denied                                                     func(spec string) string
	lost                                                       bool // answers, but nothing arrives
	refused, failed                                            string
	published                                                  []string // "" is as asked
	dial                                                       func(address string) error
	mute                                                       bool // servers do not answer themselves
	keys                                                       map[string][]string
	syslog                                                     []string // drivers that deliver

	mu    sync.Mutex
	seen  int
	lines []string
	text  string
}

func (l *netLab) Policy() *plans.Policy        { return l.policy }
func (l *netLab) Snapshot() *resource.Snapshot { return l.snapshot }
func (l *netLab) Dir() string                  { return "/run/dir" }

func (l *netLab) Network(_ context.Context, name string) (probe.Net, error) {
	return probe.Net{Name: probe.Prefix + name, Gateway: "172.30.0.1", Gateway6: "fd00::1"}, l.noNetwork
}

func (l *netLab) Listen(context.Context) (int, error) { return 4711, l.noListen }

func (l *netLab) Syslog(context.Context) (string, func() []string, error) {
	return "127.0.0.1:514", func() []string { l.mu.Lock(); defer l.mu.Unlock(); return l.lines }, l.noListen
}

func (l *netLab) Records(_ context.Context, text string, f func() error) ([]string, error) {
	if l.noRecords != nil {
		return nil, l.noRecords
	}
	l.text = ""
	err := f()
	if !strings.Contains(l.text, text) {
		return nil, fmt.Errorf("%q is in no record of %q", text, l.text)
	}
	for act, keys := range l.keys {
		if strings.Contains(l.text, act) {
			return keys, err
		}
	}
	return nil, err
}

func (l *netLab) Target(context.Context) (probe.Target, error) {
	t := probe.Target{
		IP4: "198.18.0.2", IP6: "fd01::2", Metadata: "169.254.169.254", Host4: "198.18.0.1", Host6: "fd01::1",
		Port: 4444, HTTP: 80, Seen: l.arrived, Arrived: "arrived at the host outside", Reached: "the host itself reaches it",
		Ask:   func(_, address string) string { return l.ask(address) },
		Leads: func(string) error { return l.noLeads }, Steer: func(string) error { return l.noSteer },
		Dial: func(_ context.Context, address string) error {
			if strings.HasSuffix(address, ":1") {
				return errors.New("refused")
			}
			if l.dial != nil {
				return l.dial(address)
			}
			return nil
		},
	}
	if l.no4 != "" {
		t.IP4, t.Host4, t.Metadata, t.Why4, t.WhyMetadata = "", "", "", l.no4, l.no4
	}
	if l.no6 != "" {
		t.IP6, t.Host6, t.Why6 = "", "", l.no6
	}
	return t, l.noTarget
}

func (l *netLab) Away(ctx context.Context, v6 bool) (probe.Target, error) {
	if l.given == "" || v6 {
		return l.Target(ctx)
	}
	return probe.Target{
		IP4: l.given, Port: 8080, HTTP: 8080, Seen: l.arrived, Arrived: "left this host for it", Reached: "counted on out0",
		Ask:   func(_, address string) string { return l.ask(address) },
		Leads: func(string) error { return l.noLeads },
	}, nil
}

func (l *netLab) arrived() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.seen
	l.seen = 0
	return n
}

func (l *netLab) ask(address string) string {
	if l.hostSays != "" {
		return l.hostSays
	}
	l.arrive(address)
	return "answered"
}

func (l *netLab) arrive(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, own := range []string{"198.18.0.2", "203.0.113.7", "fd01::2", "169.254"} {
		if strings.Contains(address, own) {
			l.seen++
		}
	}
}

// Run plays the attacks.
func (l *netLab) Run(_ context.Context, b probe.Box) (probe.Result, error) {
	l.mu.Lock()
	l.text += strings.Join(append(b.Binds, b.Attack...), " ")
	if b.LogDriver != "" && b.LogDriver != "none" && len(l.syslog) > 0 && l.syslog[0] == b.LogDriver {
		l.lines = append(l.lines, "<30>"+b.Attack[1])
	}
	if b.LogDriver == "none" && len(l.syslog) > 1 {
		l.lines = append(l.lines, "<30>"+b.Attack[1])
	}
	l.mu.Unlock()
	switch {
	case l.refused != "":
		return probe.Result{Refused: l.refused}, nil
	case l.failed != "":
		return probe.Result{Report: []byte(l.failed)}, nil
	case b.Attack[0] != "reach":
		return probe.Result{Report: []byte(`{"said":"so"}`)}, nil
	}
	var tries []string
	for _, spec := range b.Attack[1:] {
		kind, address, _ := strings.Cut(spec, "/")
		tries = append(tries, fmt.Sprintf(`{"kind":%q,"address":%q,"what":%q}`, kind, address, l.attempt(spec, address)))
	}
	return probe.Result{Report: []byte(`{"tries":[` + strings.Join(tries, ",") + `]}`)}, nil
}

func (l *netLab) attempt(spec, address string) string {
	if l.denied != nil {
		if what := l.denied(spec); what != "" {
			return what
		}
	}
	if !l.lost {
		l.arrive(address)
	}
	return "answered"
}

type netServer struct {
	ports []string
	line  string
}

func (netServer) IPs() []string                              { return []string{"fd00::9", "172.30.0.9"} }
func (netServer) PID() int                                   { return 1 }
func (s netServer) Published() []string                      { return s.ports }
func (s netServer) Lines() []string                          { return []string{s.line} }
func (netServer) Stop(context.Context) (probe.Result, error) { return probe.Result{}, nil }

func (l *netLab) Start(_ context.Context, b probe.Box) (probe.Running, error) {
	if l.refused != "" {
		return nil, errors.New(l.refused)
	}
	s := netServer{line: `{"listening":"7","itself":"answered"}`}
	if l.mute {
		s.line = `{"listening":"7","itself":"refused"}`
	}
	switch {
	case b.PublishIP != "":
		s.ports = []string{b.PublishIP + ":49000"}
	case b.Publish != "":
		s.ports = l.published
	}
	return s, nil
}

// snapshot is that of a host with a default bridge and no more.
func snapshot(change func(*resource.Snapshot)) *resource.Snapshot {
	s := &resource.Snapshot{
		Networks: resource.Known([]resource.Network{{Name: "bridge", Subnets: []string{"172.17.0.0/16", "fd17::/64"}, IPv6: true}}),
		Engine:   resource.Known(resource.Engine{LoggingDriver: "syslog"}),
		Audit:    resource.Unknown[resource.Audit](resource.NotAsked),
		DaemonJSON: resource.Known(resource.File{
			Path: "/etc/docker/daemon.json", Print: resource.Fingerprint{Type: resource.Regular},
		}),
	}
	if change != nil {
		change(s)
	}
	return s
}

func policy(t *testing.T, text string) *plans.Policy {
	t.Helper()
	if text == "" {
		return nil
	}
	p, err := plans.Load("p.yaml", func(string) ([]byte, error) { return []byte("version: 1\n" + text), nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func byID(t *testing.T, id string) probe.Probe {
	t.Helper()
	for _, p := range probe.All() {
		if p.ID == id {
			return p
		}
	}
	t.Fatalf("there is no probe %s", id)
	return probe.Probe{}
}

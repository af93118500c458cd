package egress_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
	"github.com/bulwark-project/bulwark/templates"
)

// reader answers what Observe asks, and remembers for what it asked.
type reader struct {
	resource.Reader // what Observe must not ask panics
	root            string
	fail            error
	subnets         []string
	asked           bool // for networks
}

func (r *reader) Root() string { return r.root }

func (r *reader) File(path string) (resource.File, error) {
	return resource.File{Content: []byte(path)}, r.fail
}

func (r *reader) Unit(_ context.Context, name string) (resource.Unit, error) {
	return resource.Unit{Name: name}, r.fail
}

func (r *reader) Firewall(context.Context) (resource.Firewall, error) {
	return resource.Firewall{Variant: "nft"}, r.fail
}

func (r *reader) Networks(context.Context) ([]resource.Network, error) {
	r.asked = true
	return engine28().Networks.Value, r.fail
}

func (r *reader) Flows(_ context.Context, from []string) ([]resource.Flow, error) {
	r.subnets = from
	return []resource.Flow{{Proto: "tcp"}}, r.fail
}

func TestObserve(t *testing.T) {
	r := &reader{root: "/"}
	s := &resource.Snapshot{Engine: resource.Known(resource.Engine{Version: "28.0.0"})}
	egress.Kind{}.Observe(context.Background(), r, s)
	if string(s.Rules.Value.Content) != egress.RulesPath || s.Rules.Value.Path != egress.RulesPath || s.Loader.Value.Name != egress.LoaderUnit ||
		s.Firewall.Value.Variant != "nft" || len(s.Networks.Value) != 4 || len(s.Flows.Value) != 1 {
		t.Errorf("got %+v", s)
	}
	if !slices.Equal(r.subnets, []string{"172.17.0.0/16", "172.18.0.0/16", "fd00:18::/64"}) {
		t.Errorf("flows from %q: a macvlan network has no packets in FORWARD", r.subnets)
	}
}

// To ask docker.socket of a stopped daemon would start it.
func TestObserveStoppedDaemon(t *testing.T) {
	r := &reader{root: "/"}
	s := &resource.Snapshot{Engine: resource.Unknown[resource.Engine]("docker.service is inactive")}
	egress.Kind{}.Observe(context.Background(), r, s)
	if r.asked || s.Networks.Unknown != "docker.service is inactive" || s.Flows.Unknown == "" || s.Firewall.Unknown != "" {
		t.Errorf("asked %t, got %+v", r.asked, s)
	}
}

func TestObserveNothing(t *testing.T) {
	for root, want := range map[string]string{"/": "needs root", "/img": "this is an image: it has no running kernel"} {
		r := &reader{root: root, fail: errors.New("needs root")}
		s := &resource.Snapshot{Engine: resource.Known(resource.Engine{})}
		egress.Kind{}.Observe(context.Background(), r, s)
		for what, why := range map[string]string{
			"firewall": s.Firewall.Unknown, "networks": s.Networks.Unknown, "loader": s.Loader.Unknown,
		} {
			if why != want {
				t.Errorf("%s of %s: got %q, want %q", what, root, why, want)
			}
		}
		if s.Flows.Unknown == "" || s.Rules.Unknown != "needs root" {
			t.Errorf("got %+v", s)
		}
	}
}

// loaderHost answers about the loader alone.
type loaderHost struct {
	resource.Reader
	unit    string
	program resource.Fingerprint
}

func (loaderHost) Root() string { return "/" }

func (h loaderHost) File(path string) (resource.File, error) {
	return resource.File{Path: path, Content: []byte(h.unit)}, nil
}
func (h loaderHost) Fingerprint(string) (resource.Fingerprint, error) { return h.program, nil }

func (loaderHost) Firewall(context.Context) (resource.Firewall, error) {
	return resource.Firewall{}, nil
}

func (loaderHost) Unit(_ context.Context, name string) (resource.Unit, error) {
	return resource.Unit{Name: name, LoadState: "loaded", FragmentPath: "/etc/systemd/system/" + name}, nil
}

// TestLoaderFault: that a unit is enabled does not say that it loads the rules.
func TestLoaderFault(t *testing.T) {
	own, there := string(templates.EgressUnit()), resource.Fingerprint{Type: resource.Regular, Mode: 0o700}
	for name, tt := range map[string]struct {
		host loaderHost
		want string
	}{
		"right":        {loaderHost{unit: own, program: there}, ""},
		"edited":       {loaderHost{unit: own + "#", program: there}, "is not the unit of this bulwark"},
		"program gone": {loaderHost{unit: own, program: resource.Fingerprint{Type: resource.Absent}}, "runs /var/lib/bulwark/bin/bulwark, which is not there or not a program"},
		"no program":   {loaderHost{unit: own, program: resource.Fingerprint{Type: resource.Regular, Mode: 0o600}}, "runs /var/lib/bulwark/bin/bulwark, which is not there or not a program"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &resource.Snapshot{Engine: resource.Unknown[resource.Engine]("stopped")}
			egress.Kind{}.Observe(context.Background(), tt.host, s)
			if s.LoaderFault != tt.want {
				t.Errorf("got %q, want %q", s.LoaderFault, tt.want)
			}
		})
	}
}

package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// unread makes the survey one that nobody took.
func unread(s *resource.Snapshot) { s.Survey = resource.Unknown[resource.Survey]("needs root") }

// at0 is the same host, seen by somebody who may not see who holds a socket.
func heldByNobody(ls ...resource.Listener) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { s.Survey.Value.Listeners = resource.Known(ls) }
}

// What was not read is neither in order nor absent.
func TestUnknownIsUnknown(t *testing.T) {
	dpkg := func(p resource.Packages) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) { s.Survey.Value.Packages = resource.Known(p) }
	}
	noFlags := func(s *resource.Snapshot) {
		s.Flags, s.Process = resource.Unknown[[]resource.Flag]("needs root"), resource.Unknown[resource.Process]("needs root")
		s.Engine = resource.Unknown[resource.Engine]("needs root")
	}
	changed := func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.CtimeNS = now.UnixNano() }
	noContainers := func(s *resource.Snapshot) { s.Containers = resource.Unknown[[]resource.Container]("needs root") }
	old := &plans.Policy{Images: &plans.Images{MaxAgeDays: 30, Registries: []string{"docker.io"}}}
	for _, c := range []rebuiltCase{
		{name: "hosts and sockets unread", edit: []func(*resource.Snapshot){noFlags, unread}, control: "daemon-tls", want: resource.Unjudged},
		{name: "a socket from systemd, unread", argv: "-H fd://", edit: []func(*resource.Snapshot){unread}, control: "daemon-tls", want: resource.Unjudged},
		{name: "a socket from systemd, of an unknown owner", argv: "-H fd://", edit: []func(*resource.Snapshot){heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 2375})}, control: "daemon-tls", want: resource.Unjudged},
		{name: "tlsverify since the start", argv: "-H tcp://0.0.0.0:2376", file: `{"tlsverify": true}`, edit: []func(*resource.Snapshot){changed}, control: "daemon-tls", want: resource.Unjudged, says: "daemon.json"},
		{name: "hosts since the start", file: `{"hosts": ["unix:///run/docker.sock"]}`, edit: []func(*resource.Snapshot){changed, unread}, control: "daemon-tls", want: resource.Unjudged},
		{name: "debug, without the daemon", argv: "--debug", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Engine = resource.Unknown[resource.Engine]("needs root") }}, control: "log-level", want: resource.Fails, says: "debug"},
		{name: "units unread", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Unit = resource.Unknown[resource.Unit]("no bus") }}, control: "docker-service-mode", want: resource.Unjudged, says: "no bus"},
		{name: "tlskey unread", edit: []func(*resource.Snapshot){noFlags}, control: "tls-key-mode", want: resource.Unjudged},
		{name: "a path that was not asked for", argv: "--tlskey=/srv/key.pem", control: "tls-key-mode", want: resource.Unjudged},
		{name: "the socket was not asked for", control: "docker-sock-mode", want: resource.Unjudged},
		{name: "a folder that was not asked for", policy: &plans.Policy{Images: &plans.Images{PipelinePaths: []string{"/srv/build"}}}, control: "pipeline-paths", want: resource.Unjudged},
		{name: "no mount", control: "data-root-partition", want: resource.Unjudged},
		{name: "no accounts, another group", edit: []func(*resource.Snapshot){
			func(s *resource.Snapshot) { s.Accounts = resource.Unknown[resource.Accounts]("denied") }, pathMode("/run/docker.sock", 0o660, 0, 112),
		}, control: "docker-sock-owner", want: resource.Unjudged, says: "denied"},
		{name: "published ports unread", edit: []func(*resource.Snapshot){noContainers}, control: "management-interfaces", want: resource.Unjudged},
		{name: "a number that others use, of an unknown owner", edit: []func(*resource.Snapshot){heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 8080})}, control: "management-interfaces", want: resource.Unjudged},
		{name: "no image id", edit: []func(*resource.Snapshot){with("c", none)}, control: "image-moved", want: resource.Unjudged},
		{name: "age of an image that is not known", edit: []func(*resource.Snapshot){with("c", none)}, policy: old, control: "image-age", want: resource.Unjudged},
		{name: "an image from the future", edit: []func(*resource.Snapshot){
			images(resource.Image{ID: "i", CreatedNS: now.AddDate(1, 0, 0).UnixNano()}), with("c", func(c *resource.Container) { c.Spec.ImageID = "i" }),
		}, policy: old, control: "image-age", want: resource.Unjudged},
		{name: "a reference that is an id", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.Image = "0123456789ab" })}, policy: old, control: "image-registry", want: resource.Unjudged},
		{name: "containers unread", edit: []func(*resource.Snapshot){images(resource.Image{ID: "i", Tags: []string{"i:1"}}), noContainers}, control: "image-sprawl", want: resource.Unjudged},
		{name: "default of no-new-privileges unread", edit: []func(*resource.Snapshot){noFlags, with("c", func(c *resource.Container) { c.State, c.PID = "exited", 0 })}, control: "container-no-new-privileges", want: resource.Unjudged},
		{name: "default of no-new-privileges since the start", file: `{"no-new-privileges": true}`, edit: []func(*resource.Snapshot){changed, with("c", func(c *resource.Container) {
			c.State, c.PID, c.Spec.CreatedNS = "exited", 0, now.UnixNano()
		})}, control: "container-no-new-privileges", want: resource.Unjudged},
		{name: "packages of nobody", edit: []func(*resource.Snapshot){dpkg(resource.Packages{})}, control: "automatic-updates", want: resource.Unjudged},
		{name: "lists from the future", edit: []func(*resource.Snapshot){dpkg(resource.Packages{Manager: "dpkg", ListsNS: now.AddDate(1, 0, 0).UnixNano()})}, control: "package-lists", want: resource.Unjudged},
		{name: "an engine without a version", edit: []func(*resource.Snapshot){
			dpkg(resource.Packages{Manager: "dpkg", SupportEndNS: now.AddDate(1, 0, 0).UnixNano()}), engineOf(func(e *resource.Engine) { e.Version = "dev" }),
		}, policy: &plans.Policy{Patch: &plans.Patch{MinimumEngine: "27.0"}}, control: "support-window", want: resource.Unjudged, says: "dev"},
		{name: "an old engine of an unknown package", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Survey.Value.Packages = resource.Unknown[resource.Packages]("denied")
		}}, control: "support-window", want: resource.Unjudged},
		{name: "vulnerabilities in an unknown package", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Survey.Value.Packages = resource.Unknown[resource.Packages]("denied")
		}}, control: "known-vulnerabilities", want: resource.Unjudged},
		{name: "managers unread", edit: []func(*resource.Snapshot){inSwarm, func(s *resource.Snapshot) { s.Survey.Value.Swarm.Value.Managers = 0 }}, control: "swarm-managers", want: resource.Unjudged},
		{name: "expiry unread", edit: []func(*resource.Snapshot){inSwarm}, control: "swarm-certificates", want: resource.Unjudged},
		{name: "port of the swarm elsewhere", edit: []func(*resource.Snapshot){inSwarm, heldByNobody()}, control: "swarm-address", want: resource.Unjudged},
		{name: "a swarm that only the engine knows", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Engine.Value.Swarm = "active" }}, control: "swarm-autolock", want: resource.Unjudged},
		{name: "a data root that was not asked for", edit: []func(*resource.Snapshot){auditing("/etc/docker", "-w /etc/docker -p wa"), engineOf(func(e *resource.Engine) { e.RootDir = "/srv/docker" })}, control: "audit-data-root", want: resource.Unjudged},
		{name: "members from a directory", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Accounts.Value.NSSwitch.Content = []byte("passwd: files sss\ngroup: files sss\n")
		}}, policy: &plans.Policy{Management: &plans.Management{Users: []string{"alice"}}}, control: "docker-group", want: resource.Unjudged, says: "sss"},
		{name: "the group file is unread", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Accounts.Value.Group.Content, s.Accounts.Value.Unread = nil, map[string]string{"/etc/group": "denied"}
		}}, control: "docker-group", want: resource.Unjudged, says: "denied"},
	} {
		t.Run(c.name, c.run)
	}
}

// Nothing at all is known of a host that could not be read: no control holds, and
// none has nothing to judge.
func TestNothingIsKnown(t *testing.T) {
	s := &resource.Snapshot{Taken: now}
	const why = "needs root"
	for _, unknown := range []*string{
		&s.Host.Unknown, &s.Unit.Unknown, &s.Socket.Unknown, &s.Process.Unknown, &s.Engine.Unknown, &s.Binary.Unknown, &s.Containers.Unknown,
		&s.DaemonJSON.Unknown, &s.Accounts.Unknown, &s.Flags.Unknown, &s.Networks.Unknown, &s.Firewall.Unknown, &s.Flows.Unknown,
		&s.Loader.Unknown, &s.Rules.Unknown, &s.Seccomp.Unknown, &s.Audit.Unknown, &s.Survey.Unknown,
	} {
		*unknown = why
	}
	p := &plans.Policy{Images: &plans.Images{Registries: []string{"x"}, MaxAgeDays: 1, PipelinePaths: []string{"/x"}}}
	for _, r := range control.Judge(control.Catalogue(), p, s) {
		if r.Verdict != resource.Unjudged && r.Verdict != resource.ByHand {
			t.Errorf("%s is %s (%s)", r.ID, r.Verdict, r.Reason)
		}
	}
}

package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var sha = "sha256:" + strings.Repeat("0a", 32)

func made(ref, id string) func(*resource.Snapshot) {
	return with("c", func(c *resource.Container) { c.Image, c.Spec.ImageID = ref, id })
}

// Where images come from, and what is in them.
func TestOrigin(t *testing.T) {
	one := func(f ...func(*resource.Snapshot)) []func(*resource.Snapshot) { return f }
	history := func(steps ...string) func(*resource.Snapshot) {
		return images(resource.Image{ID: "i", Tags: []string{"i:1"}, History: steps})
	}
	from := func(r ...string) *plans.Policy { return &plans.Policy{Images: &plans.Images{Registries: r}} }
	aged := &plans.Policy{Images: &plans.Images{MaxAgeDays: 30}}
	built := func(days int) func(*resource.Snapshot) {
		return images(resource.Image{ID: "i", Tags: []string{"a:1"}, CreatedNS: now.AddDate(0, 0, -days).UnixNano()})
	}
	tag := func(names ...string) func(*resource.Snapshot) { return images(resource.Image{ID: "i", Tags: names}) }
	for _, c := range []rebuiltCase{
		{name: "by tag", edit: one(made("a:1", "i")), control: "image-digest", want: resource.Fails},
		{name: "by digest", edit: one(made("r.example/a@"+sha, "i")), control: "image-digest", want: resource.Holds},
		{name: "by id", edit: one(made(sha, "i")), control: "image-digest", want: resource.Holds},
		{name: "a tag like a digest", edit: one(made("sha256:latest", "i")), control: "image-digest", want: resource.Fails},
		{name: "the same image", edit: one(tag("a:1"), made("a:1", "i")), control: "image-moved", want: resource.Holds},
		{name: "latest", edit: one(tag("a:latest"), made("a", "i")), control: "image-moved", want: resource.Holds},
		{name: "latest of a registry with a port", edit: one(tag("r:5000/a:latest"), made("r:5000/a", "i")), control: "image-moved", want: resource.Holds},
		{name: "its whole name", edit: one(tag("a:1"), made("docker.io/library/a:1", "i")), control: "image-moved", want: resource.Holds},
		{name: "another image", edit: one(tag("a:1"), made("a:1", "j")), control: "image-moved", want: resource.Fails, says: "another image"},
		{name: "a repository like a digest", edit: one(images(resource.Image{ID: "i", Tags: []string{"x/sha256:1"}}), made("x/sha256:1", "j")), control: "image-moved", want: resource.Fails},
		{name: "not here", edit: one(tag("a:1"), made("b:1", "i")), control: "image-moved", want: resource.Fails, says: "not here"},
		{name: "without a name", edit: one(tag("a:1"), made("0123456789ab", "i")), control: "image-moved", want: resource.Fails, says: "no name"},
		{name: "images unread", edit: one(made("a:1", "i"), func(s *resource.Snapshot) { s.Survey.Value.Images = resource.Unknown[[]resource.Image]("denied") }), control: "image-moved", want: resource.Unjudged},
		{name: "from the hub", edit: one(made("a:1", "i")), policy: from("docker.io"), control: "image-registry", want: resource.Holds},
		{name: "an official one", edit: one(made("a:1", "i")), policy: from("docker.io/library/"), control: "image-registry", want: resource.Holds},
		{name: "not an official one", edit: one(made("u/a:1", "i")), policy: from("docker.io/library"), control: "image-registry", want: resource.Fails},
		{name: "the hub's other name", edit: one(made("index.docker.io/u/a:1", "i")), policy: from("docker.io/u"), control: "image-registry", want: resource.Holds},
		{name: "from elsewhere", edit: one(made("r.example/a:1", "i")), policy: from("docker.io"), control: "image-registry", want: resource.Fails, says: "r.example"},
		{name: "a longer name", edit: one(made("r.example.evil/a:1", "i")), policy: from("r.example"), control: "image-registry", want: resource.Fails},
		{name: "a longer path", edit: one(made("r.example/team-evil/a:1", "i")), policy: from("r.example/team"), control: "image-registry", want: resource.Fails},
		{name: "a registry as a folder", edit: one(made("evil.example/r.example/a:1", "i")), policy: from("r.example"), control: "image-registry", want: resource.Fails},
		{name: "localhost", edit: one(made("localhost/a:1", "i")), policy: from("docker.io"), control: "image-registry", want: resource.Fails},
		{name: "an id, and where it came from", edit: one(images(resource.Image{ID: "i", Digests: []string{"r.example/a@" + sha}}), made("0123456789ab", "i")), policy: from("r.example"), control: "image-registry", want: resource.Holds},
		{name: "an id from elsewhere", edit: one(images(resource.Image{ID: "i", Digests: []string{"evil.example/a@" + sha}}), made("0123456789ab", "i")), policy: from("r.example"), control: "image-registry", want: resource.Fails},
		{name: "no registries", edit: one(made("a:1", "i")), control: "image-registry", want: resource.NoObject},
		{name: "young", edit: one(built(30), made("a:1", "i")), policy: aged, control: "image-age", want: resource.Holds},
		{name: "old", edit: one(built(31), made("a:1", "i")), policy: aged, control: "image-age", want: resource.Fails, says: "31 days"},
		{name: "no age", edit: one(built(31), made("a:1", "i")), control: "image-age", want: resource.NoObject},

		{name: "health check", edit: one(images(resource.Image{ID: "i", Tags: []string{"i:1"}, Healthcheck: true})), control: "image-healthcheck", want: resource.Holds},
		{name: "a layer without a name", edit: one(images(resource.Image{ID: "i"})), control: "image-healthcheck", want: resource.NoObject},
		{name: "a digest is a name", edit: one(images(resource.Image{ID: "i", Digests: []string{"a@" + sha}})), control: "image-healthcheck", want: resource.Fails},
		{name: "no history", edit: one(tag("i:1")), control: "image-add", want: resource.Unjudged},
		{name: "ADD", edit: one(history("ADD x /x # buildkit", "base")), control: "image-add", want: resource.Fails, says: "step 1"},
		{name: "ADD of the old builder", edit: one(history("COPY a b", "/bin/sh -c #(nop) ADD file:1 in / ", "base")), control: "image-add", want: resource.Fails, says: "step 2"},
		{name: "ADD of the base", edit: one(history("CMD sh", "ADD rootfs /")), control: "image-add", want: resource.Holds},
		{name: "a word with ADD in it", edit: one(history("RUN useradd PADDING ADD x", "base")), control: "image-add", want: resource.Holds},
		{name: "update alone", edit: one(history("RUN apt-get update")), control: "image-update-alone", want: resource.Fails, says: "apt-get update in step 1"},
		{name: "update with options", edit: one(history("RUN apt-get -q -y update")), control: "image-update-alone", want: resource.Fails},
		{name: "update and install", edit: one(history("RUN apt-get update && apt-get install -y curl")), control: "image-update-alone", want: resource.Holds},
		{name: "yum update", edit: one(history("RUN yum -y update")), control: "image-update-alone", want: resource.Holds},
		{name: "yum makecache", edit: one(history("RUN yum makecache")), control: "image-update-alone", want: resource.Fails},
		{name: "apk", edit: one(history("RUN apk update")), control: "image-update-alone", want: resource.Fails},
		{name: "a secret in the configuration", edit: one(images(resource.Image{ID: "i", Tags: []string{"i:1"}, Env: []string{"API_KEY=abc"}, History: []string{}})), control: "image-secrets", want: resource.Fails, says: "API_KEY"},
		{name: "the policy does not look", edit: one(history("RUN TOKEN=abc")), policy: &plans.Policy{Secrets: &plans.Secrets{LookIn: []string{"labels"}}}, control: "image-secrets", want: resource.NoObject},
		{name: "the policy looks", edit: one(history("RUN TOKEN=abc")), policy: &plans.Policy{Secrets: &plans.Secrets{LookIn: []string{"image-history"}}}, control: "image-secrets", want: resource.Fails},
		{name: "the policy ignores", edit: one(history("RUN TOKEN=abc")), policy: &plans.Policy{Secrets: &plans.Secrets{Ignore: []string{"TOK*"}}}, control: "image-secrets", want: resource.Holds},
		{name: "the policy names", edit: one(history("RUN MAGIC=abc")), policy: &plans.Policy{Secrets: &plans.Secrets{Names: []string{"magic"}}}, control: "image-secrets", want: resource.Fails},
		{name: "by hand", edit: one(tag("i:1")), control: "image-signed", want: resource.ByHand},
		{name: "nothing by hand", edit: one(images()), control: "image-signed", want: resource.NoObject},
		{name: "trust", control: "content-trust", want: resource.ByHand},
		{name: "sprawl", edit: one(tag("i:1")), control: "image-sprawl", want: resource.ByHand},
		{name: "no sprawl", edit: one(images()), control: "image-sprawl", want: resource.NoObject},
		{name: "containers", edit: one(made("a:1", "i")), control: "container-sprawl", want: resource.ByHand},
		{name: "no containers", control: "container-sprawl", want: resource.NoObject},
		{name: "versions", edit: one(made("a:1", "i")), control: "image-versions", want: resource.ByHand},
	} {
		t.Run(c.name, c.run)
	}
}

// Patch level: of packages of a distribution, and of Docker's own.
func TestPatch(t *testing.T) {
	fresh, later := now.Add(-time.Hour).UnixNano(), now.AddDate(1, 0, 0).UnixNano()
	with := func(change func(*resource.Packages), version string) []func(*resource.Snapshot) {
		p := resource.Packages{Manager: "dpkg", ListsNS: fresh, SupportEndNS: later, Automatic: "unattended-upgrades", Installed: []resource.Package{
			{Name: "docker-ce", Version: "1", Candidate: "1", Program: "dockerd"},
			{Name: "containerd.io", Version: "1", Candidate: "1", Program: "containerd", Upstream: "2.3.2"},
			{Name: "runc", Version: "1", Candidate: "1", Program: "runc", Upstream: "1.4.3"},
		}}
		change(&p)
		return []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Version = version }), func(s *resource.Snapshot) { s.Survey.Value.Packages = resource.Known(p) }}
	}
	same := func(*resource.Packages) {}
	least := func(v string) *plans.Policy { return &plans.Policy{Patch: &plans.Patch{MinimumEngine: v}} }
	days := &plans.Policy{Patch: &plans.Patch{EngineMaxAgeDays: 180}}
	aged := func(change func(*resource.Packages), days int) []func(*resource.Snapshot) {
		return append(with(change, "29.7.0"), engineOf(func(e *resource.Engine) { e.BuiltNS = now.AddDate(0, 0, -days).UnixNano() }))
	}
	distro := func(fixes ...string) func(*resource.Packages) {
		return func(p *resource.Packages) {
			p.Installed[0].Name, p.Installed[0].Fixes = "docker.io", fixes
			p.Installed = p.Installed[:1]
		}
	}
	runc := func(v string) func(*resource.Packages) {
		return func(p *resource.Packages) { p.Installed[2].Upstream, p.Installed[2].Name = v, "runc-static" }
	}
	for _, c := range []rebuiltCase{
		{name: "newest", edit: with(same, "29.7.0"), control: "updates-pending", want: resource.Holds},
		{name: "pending", edit: with(func(p *resource.Packages) { p.Installed[1].Candidate = "2" }, "29.7.0"), control: "updates-pending", want: resource.Fails, says: "containerd.io"},
		{name: "pending in old lists", edit: with(func(p *resource.Packages) { p.ListsNS, p.Installed[1].Candidate = 1, "2" }, "29.7.0"), control: "updates-pending", want: resource.Fails},
		{name: "newest in old lists", edit: with(func(p *resource.Packages) { p.ListsNS = 1 }, "29.7.0"), control: "updates-pending", want: resource.Unjudged, says: "days old"},
		{name: "not in the lists", edit: with(func(p *resource.Packages) { p.Installed[0].Candidate = "" }, "29.7.0"), control: "updates-pending", want: resource.Unjudged},
		{name: "no package", edit: with(func(p *resource.Packages) { p.Installed = nil }, "29.7.0"), control: "updates-pending", want: resource.Unjudged},
		{name: "fresh lists", edit: with(same, "29.7.0"), control: "package-lists", want: resource.Holds},
		{name: "old lists", edit: with(func(p *resource.Packages) { p.ListsNS = now.AddDate(0, 0, -8).UnixNano() }, "29.7.0"), control: "package-lists", want: resource.Fails, says: "8 days"},
		{name: "lists as old as they may be", edit: with(func(p *resource.Packages) { p.ListsNS = now.AddDate(0, 0, -8).UnixNano() }, "29.7.0"), policy: &plans.Policy{Patch: &plans.Patch{ListsMaxAgeDays: 8}}, control: "package-lists", want: resource.Holds},
		{name: "lists never fetched", edit: with(func(p *resource.Packages) { p.ListsNS = 0 }, "29.7.0"), control: "package-lists", want: resource.Unjudged},
		{name: "automatic", edit: with(same, "29.7.0"), control: "automatic-updates", want: resource.Holds},
		{name: "not automatic", edit: with(func(p *resource.Packages) { p.Automatic = "" }, "29.7.0"), control: "automatic-updates", want: resource.Fails},
		{name: "as installed", edit: with(same, "29.7.0"), control: "running-programs", want: resource.Holds},
		{name: "replaced", edit: with(func(p *resource.Packages) { p.Installed[1].Stale = true }, "29.7.0"), control: "running-programs", want: resource.Fails, says: "containerd"},
		{name: "a boot", edit: with(func(p *resource.Packages) { p.RebootRequired = []string{"linux"} }, "29.7.0"), control: "running-programs", want: resource.Fails, says: "linux"},
		{name: "supported", edit: with(same, "29.7.0"), control: "support-window", want: resource.Holds},
		{name: "the distribution has ended", edit: with(func(p *resource.Packages) { p.SupportEndNS = now.AddDate(0, 0, -1).UnixNano() }, "29.7.0"), control: "support-window", want: resource.Fails, says: "distribution"},
		{name: "the end is not known", edit: with(func(p *resource.Packages) { p.SupportEndNS = 0 }, "29.7.0"), control: "support-window", want: resource.Unjudged},
		{name: "the line has ended", edit: with(same, "28.5.2"), control: "support-window", want: resource.Fails, says: "2026-05-13"},
		{name: "a line that has a day", edit: with(same, "25.0.14"), control: "support-window", want: resource.Holds},
		{name: "a line of old", edit: with(same, "24.0.9"), control: "support-window", want: resource.Fails},
		{name: "a line that nobody knows", edit: with(same, "31.0.0"), control: "support-window", want: resource.Unjudged},
		{name: "a distribution's", edit: with(distro(), "20.10.24+dfsg1"), control: "support-window", want: resource.Holds},
		{name: "at least", edit: with(same, "29.7.0"), policy: least("29.7"), control: "support-window", want: resource.Holds},
		{name: "not at least", edit: with(same, "29.6.9"), policy: least("29.7"), control: "support-window", want: resource.Fails, says: "29.6.9"},
		{name: "young", edit: aged(same, 180), policy: days, control: "support-window", want: resource.Holds},
		{name: "old", edit: aged(same, 181), policy: days, control: "support-window", want: resource.Fails, says: "181 days ago"},
		{name: "old, and no word of the policy", edit: aged(same, 181), control: "support-window", want: resource.Holds},
		{name: "old, and the distribution's", edit: aged(distro(), 2000), policy: days, control: "support-window", want: resource.Holds},
		{name: "of no age", edit: with(same, "29.7.0"), policy: days, control: "support-window", want: resource.Unjudged, says: "when it was built"},
		{name: "of tomorrow", edit: aged(same, -2), policy: days, control: "support-window", want: resource.Unjudged, says: "yet to come"},
		{name: "nothing known", edit: with(same, "29.7.0"), control: "known-vulnerabilities", want: resource.Holds},
		{name: "one open", edit: with(same, "29.6.0"), control: "known-vulnerabilities", want: resource.Fails, says: "CVE-2026-17106"},
		{name: "fixed in its line", edit: with(runc("1.2.8"), "29.7.0"), control: "known-vulnerabilities", want: resource.Holds},
		{name: "open in its line", edit: with(runc("1.2.7"), "29.7.0"), control: "known-vulnerabilities", want: resource.Fails, says: "CVE-2025-31133"},
		{name: "before the fix", edit: with(runc("1.0.0-rc93"), "29.7.0"), control: "known-vulnerabilities", want: resource.Fails, says: "CVE-2021-30465"},
		{name: "before the fix, as Debian writes it", edit: with(runc("1.4.0~rc2+ds"), "29.7.0"), control: "known-vulnerabilities", want: resource.Fails, says: "CVE-2025-31133"},
		{name: "a version that is none", edit: with(runc("x"), "29.7.0"), control: "known-vulnerabilities", want: resource.Unjudged},
		{name: "by the changelog", edit: with(func(p *resource.Packages) {
			p.Installed[2].Upstream, p.Installed[2].Fixes = "1.3.2", []string{"CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"}
		}, "29.7.0"), control: "known-vulnerabilities", want: resource.Holds},
		{name: "not in the changelog", edit: with(func(p *resource.Packages) {
			p.Installed[2].Upstream, p.Installed[2].Fixes = "1.3.2", []string{"CVE-2025-31133"}
		}, "29.7.0"), control: "known-vulnerabilities", want: resource.Fails, says: "CVE-2025-52565, CVE-2025-52881"},
		{name: "no changelog", edit: with(func(p *resource.Packages) { p.Installed[2].Upstream = "1.3.2" }, "29.7.0"), control: "known-vulnerabilities", want: resource.Unjudged, says: "changelog"},
		{name: "an old table", edit: append(with(same, "29.7.0"), func(s *resource.Snapshot) { s.Taken = now.AddDate(1, 0, 0) }), control: "known-vulnerabilities", want: resource.Unjudged, says: "table"},
	} {
		t.Run(c.name, c.run)
	}
}

func TestSwarm(t *testing.T) {
	swarm := func(change func(*resource.Swarm), more ...func(*resource.Snapshot)) []func(*resource.Snapshot) {
		return append([]func(*resource.Snapshot){inSwarm, func(s *resource.Snapshot) { change(&s.Survey.Value.Swarm.Value) }}, more...)
	}
	managers := func(n int) []func(*resource.Snapshot) {
		return swarm(func(s *resource.Swarm) { s.Managers = n })
	}
	network := func(n resource.Network) []func(*resource.Snapshot) {
		return swarm(func(*resource.Swarm) {}, func(s *resource.Snapshot) { s.Networks = resource.Known([]resource.Network{n}) })
	}
	same := func(*resource.Swarm) {}
	for _, c := range []rebuiltCase{
		{name: "off", control: "swarm-off", want: resource.Holds},
		{name: "on", edit: swarm(same), control: "swarm-off", want: resource.Fails},
		{name: "none", control: "swarm-autolock", want: resource.NoObject},
		{name: "one manager", edit: managers(1), control: "swarm-managers", want: resource.Holds},
		{name: "two managers", edit: managers(2), control: "swarm-managers", want: resource.Fails},
		{name: "seven managers", edit: managers(7), control: "swarm-managers", want: resource.Holds},
		{name: "nine managers", edit: managers(9), control: "swarm-managers", want: resource.Fails},
		{name: "a worker", edit: swarm(func(s *resource.Swarm) { s.Manager = false }), control: "swarm-managers", want: resource.Unjudged},
		{name: "on every network", edit: swarm(same, heldByNobody(resource.Listener{Proto: "tcp6", Address: "::", Port: 2377})), control: "swarm-address", want: resource.Fails},
		{name: "on one address", edit: swarm(same, heldByNobody(resource.Listener{Proto: "tcp", Address: "10.0.0.1", Port: 2377})), control: "swarm-address", want: resource.Holds},
		{name: "sockets unread", edit: swarm(same, func(s *resource.Snapshot) { s.Survey.Value.Listeners = resource.Unknown[[]resource.Listener]("denied") }), control: "swarm-address", want: resource.Unjudged},
		{name: "in the clear", edit: network(resource.Network{Name: "n", Driver: "overlay"}), control: "swarm-encryption", want: resource.Fails},
		{name: "encrypted", edit: network(resource.Network{Name: "n", Driver: "overlay", Encrypted: true}), control: "swarm-encryption", want: resource.Holds},
		{name: "a bridge", edit: network(resource.Network{Name: "n", Driver: "bridge"}), control: "swarm-encryption", want: resource.NoObject},
		{name: "secrets", edit: swarm(func(s *resource.Swarm) { s.Secrets = 1 }), control: "swarm-secrets", want: resource.Holds},
		{name: "services without secrets", edit: swarm(func(s *resource.Swarm) { s.Services = 1 }), control: "swarm-secrets", want: resource.ByHand},
		{name: "no services", edit: swarm(same), control: "swarm-secrets", want: resource.NoObject},
		{name: "locked", edit: swarm(func(s *resource.Swarm) { s.Autolock = true }), control: "swarm-autolock", want: resource.Holds},
		{name: "not locked", edit: swarm(same), control: "swarm-autolock", want: resource.Fails},
		{name: "90 days", edit: swarm(func(s *resource.Swarm) { s.CertExpiry = int64(90 * 24 * time.Hour) }), control: "swarm-certificates", want: resource.Holds},
		{name: "91 days", edit: swarm(func(s *resource.Swarm) { s.CertExpiry = int64(91 * 24 * time.Hour) }), control: "swarm-certificates", want: resource.Fails},
		{name: "apart", edit: swarm(func(s *resource.Swarm) { s.DataPath, s.Advertise = "10.0.0.1", "10.1.0.1" }), control: "swarm-planes", want: resource.Holds},
		{name: "together", edit: swarm(func(s *resource.Swarm) { s.DataPath, s.Advertise = "10.0.0.1", "10.0.0.1" }), control: "swarm-planes", want: resource.ByHand},
		{name: "unlock key", edit: swarm(same), control: "swarm-unlock-key", want: resource.ByHand},
		{name: "ca", edit: swarm(same), control: "swarm-ca", want: resource.ByHand},
	} {
		t.Run(c.name, c.run)
	}
}

package audit

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A site is what of a host decides which paths are watched.
type site struct {
	daemonJSON string
	config     map[string]json.RawMessage // of daemon.json
	flags      []resource.Flag
	units      []resource.Unit
	dockerd    string // as docker.service starts it; it may be ""
}

// siteOf reads the site; config is the content of daemon.json, and one that is
// no JSON counts as empty: dockerd would not start with it.
func siteOf(s *resource.Snapshot, daemonJSON string, config []byte) site {
	t := site{daemonJSON: daemonJSON, flags: s.Flags.Value}
	if json.Unmarshal(config, &t.config) != nil {
		t.config = nil
	}
	for _, u := range []resource.Fact[resource.Unit]{s.Unit, s.Socket} {
		if v, ok := u.Get(); ok && v.LoadState == "loaded" {
			t.units = append(t.units, v)
		}
	}
	if argv := s.Unit.Value.ExecStart; len(argv) > 0 && path.Base(argv[0]) == "dockerd" {
		t.dockerd = argv[0]
	}
	return t
}

// option is a setting of dockerd as flag or key, "" if neither states it.
func (t site) option(key string) string {
	for _, f := range t.flags {
		if f.Name == key {
			return f.Value
		}
	}
	var value string
	if json.Unmarshal(t.config[key], &value) != nil {
		return ""
	}
	return value
}

// dataRoot is the configured one: userns-remap keeps its own below it, which
// appears in the middle of a transaction and is not watched.
func (t site) dataRoot() string {
	if root := t.option("data-root"); path.IsAbs(root) {
		return path.Clean(root)
	}
	return "/var/lib/docker"
}

// sockets are those that dockerd listens on, the usual one always among them.
func (t site) sockets() []string {
	all := []string{"/run/docker.sock"}
	var hosts []string
	_ = json.Unmarshal(t.config["hosts"], &hosts) // of another type: dockerd would not start
	for _, f := range t.flags {
		if f.Name == "host" || f.Name == "H" {
			hosts = append(hosts, f.Value)
		}
	}
	for _, h := range hosts {
		p, ok := strings.CutPrefix(h, "unix://")
		if !ok || !path.IsAbs(p) {
			continue
		}
		// /var/run is a link to /run on every host with systemd.
		if p = path.Clean(p); strings.HasPrefix(p, "/var/run/") {
			p = strings.TrimPrefix(p, "/var")
		}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// tls are the files of the keys tlscacert, tlscert and tlskey.
func (t site) tls() []string {
	var all []string
	for _, key := range []string{"tlscacert", "tlscert", "tlskey"} {
		if p := t.option(key); path.IsAbs(p) {
			all = append(all, path.Clean(p))
		}
	}
	return all
}

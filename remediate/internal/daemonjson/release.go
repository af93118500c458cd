package daemonjson

import "fmt"

// unknownKey judges a key that the table does not have.
func unknownKey(name string, object bool, v Version) Problem {
	p := Problem{Severity: Refused, Key: name, Text: fmt.Sprintf("unknown key %q", name)}
	if why, ok := rejected(name); ok {
		p.Text, p.Remedy = fmt.Sprintf("dockerd rejects %q in the file", name), why
		return p
	}
	if key, ok := flagName(name); ok {
		p.Severity = Hazard
		p.Text = fmt.Sprintf("%q is the name of a flag: dockerd accepts it here and ignores it", name)
		if p.Remedy = "remove it"; key != "" {
			p.Remedy = fmt.Sprintf("use %q", key)
		}
		return p
	}
	if object {
		p.Text = fmt.Sprintf("unknown key %q: dockerd takes its members for top-level keys, applies the booleans among them and ignores the rest", name)
		p.Remedy = "move the members to the top level"
		return p
	}
	if near := nearest(name, v); near != "" {
		p.Remedy = fmt.Sprintf("did you mean %q?", near)
	}
	if beyondTable(v) {
		p.Severity = Hazard
		p.Text += fmt.Sprintf(": engine %s is newer than the table of keys (%s)", v, newest())
	}
	return p
}

// rejected are fields of dockerd's struct that no flag has the name of: the
// check for unknown keys refuses them.
func rejected(name string) (remedy string, ok bool) {
	switch name {
	case "containerd-plugin-namespace":
		return "use the flag --containerd-plugins-namespace", true
	case "default-init":
		return `use "init-path"`, true
	case "resolv-conf", "swarm-raft-heartbeat-tick", "swarm-raft-election-tick":
		return "remove it: it cannot be set", true
	}
	return "", false
}

// flagName reports whether name is a flag that is no key, and the key that
// does what the flag does.
func flagName(name string) (key string, ok bool) {
	switch name {
	case "config-file", "validate", "restart", "version", "help", "containerd-plugins-namespace":
		return "", true
	case "http-proxy", "https-proxy", "no-proxy":
		return "proxies", true
	}
	for _, k := range keysOfFlag(name) {
		key, ok = k.Name, true
	}
	return key, ok
}

// wrongRelease judges a key of the table against the engine.
func wrongRelease(k Key, v Version) (Problem, bool) {
	p := Problem{Severity: Refused, Key: k.Name}
	switch {
	case k.ValidIn(v):
		return p, false
	case !v.Known():
		p.Severity = Hazard
		p.Text = fmt.Sprintf("%q is not known to every engine from 20.10 to 29 (%s), and the engine's version is unknown", k.Name, span(k))
	case v.Compare(k.Since) < 0:
		p.Text = fmt.Sprintf("%q needs Engine %s, this is %s", k.Name, k.Since.Short(), v)
		p.Remedy = fmt.Sprintf("upgrade the engine or remove %q", k.Name)
	case k.Tolerated:
		p.Severity = Hazard
		p.Text = fmt.Sprintf("%q is ignored since Engine %s", k.Name, k.Removed.Short())
		p.Remedy = "remove it"
	default:
		p.Text = fmt.Sprintf("%q was removed in Engine %s, this is %s", k.Name, k.Removed.Short(), v)
		p.Remedy = fmt.Sprintf("remove %q", k.Name)
	}
	return p, true
}

func span(k Key) string {
	if k.Removed != (Version{}) {
		return "removed in " + k.Removed.Short()
	}
	return "since " + k.Since.Short()
}

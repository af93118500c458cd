package remediate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// EncodeSnapshot writes a snapshot as JSON with every secret replaced, so
// that it may leave the host.
func EncodeSnapshot(s *resource.Snapshot) ([]byte, error) {
	c := *s
	scrub(&c)
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot encode the snapshot: %w", err)
	}
	return append(resource.PrintableJSON(b), '\n'), nil
}

// maxValues bounds the values of a snapshot, which are counted by the commas: two
// bytes of JSON may be a container of 300 in memory. One of 5,000 containers has
// some 300,000.
const maxValues = 1 << 20

// DecodeSnapshot reads what EncodeSnapshot wrote.
func DecodeSnapshot(b []byte) (*resource.Snapshot, error) {
	if n := bytes.Count(b, []byte{','}); n > maxValues {
		return nil, fmt.Errorf("cannot read the snapshot: it has more than %d values", maxValues)
	}
	var s resource.Snapshot
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("cannot read the snapshot: %w", err)
	}
	if d.More() {
		return nil, errors.New("cannot read the snapshot: something follows its JSON")
	}
	if s.Format != resource.SnapshotFormat {
		return nil, fmt.Errorf("cannot read the snapshot: format %d, this bulwark reads %d", s.Format, resource.SnapshotFormat)
	}
	markMissing(&s, b)
	return &s, nil
}

// markMissing tells what an older bulwark did not look at from what it found
// to be empty.
func markMissing(s *resource.Snapshot, b []byte) {
	mark(b, map[string]*string{
		"host": &s.Host.Unknown, "unit": &s.Unit.Unknown, "socket": &s.Socket.Unknown, "process": &s.Process.Unknown,
		"engine": &s.Engine.Unknown, "binary": &s.Binary.Unknown, "containers": &s.Containers.Unknown,
		"daemon_json": &s.DaemonJSON.Unknown, "accounts": &s.Accounts.Unknown, "flags": &s.Flags.Unknown,
		"networks": &s.Networks.Unknown, "firewall": &s.Firewall.Unknown, "flows": &s.Flows.Unknown,
		"loader": &s.Loader.Unknown, "rules": &s.Rules.Unknown,
		"seccomp": &s.Seccomp.Unknown, "audit": &s.Audit.Unknown, "survey": &s.Survey.Unknown, "usage": &s.Usage.Unknown,
	})
	var given struct {
		Survey struct{ Value json.RawMessage }
	}
	if json.Unmarshal(b, &given) == nil && s.Survey.Unknown == "" {
		v := &s.Survey.Value
		mark(given.Survey.Value, map[string]*string{
			"images": &v.Images.Unknown, "swarm": &v.Swarm.Unknown, "listeners": &v.Listeners.Unknown, "data_mount": &v.DataMount.Unknown,
			"packages": &v.Packages.Unknown, "kubelet": &v.Kubelet.Unknown, "etcd": &v.Etcd.Unknown,
		})
	}
}

// mark gives each fact a reason that the object does not have.
func mark(object []byte, facts map[string]*string) {
	var given map[string]json.RawMessage
	if len(object) > 0 && json.Unmarshal(object, &given) != nil {
		return
	}
	for name, unknown := range facts {
		if raw := string(given[name]); raw == "" || raw == "null" {
			*unknown = "the snapshot does not hold it: it was made by an older bulwark"
		}
	}
}

// scrub replaces secrets in every section that may hold one. It copies what
// it changes: the live snapshot keeps the true bytes.
func scrub(s *resource.Snapshot) {
	s.DaemonJSON.Value.Content = daemonjson.Redact(s.DaemonJSON.Value.Content)
	if s.StartedWith != nil {
		started := *s.StartedWith
		started.Content = daemonjson.Redact(started.Content)
		s.StartedWith = &started
	}
	s.Process.Value.Argv = redactArgv(s.Process.Value.Argv)
	s.Unit.Value.ExecStart = redactArgv(s.Unit.Value.ExecStart)
	s.Unit.Value.Environment = scrubEnvironment(s.Unit.Value.Environment)
	s.Flags.Value = slices.Clone(s.Flags.Value)
	for i, f := range s.Flags.Value {
		s.Flags.Value[i].Value = redactOption(f.Name, f.Value)
	}
	s.Socket.Value.Environment = scrubEnvironment(s.Socket.Value.Environment)
	scrubEngine(&s.Engine.Value)
	s.Containers.Value = scrubContainers(s.Containers.Value)
	scrubFirewall(&s.Firewall.Value)
	scrubAudit(&s.Audit.Value)
	scrubSurvey(&s.Survey.Value)
	s.Loader.Value.Environment = scrubEnvironment(s.Loader.Value.Environment)
	s.Accounts.Value.Passwd.Content = scrubAccounts(s.Accounts.Value.Passwd.Content)
	s.Accounts.Value.Group.Content = scrubAccounts(s.Accounts.Value.Group.Content)
}

// scrubEngine judges what people write into labels and addresses.
func scrubEngine(e *resource.Engine) {
	for _, list := range []*[]string{&e.Labels, &e.Mirrors, &e.InsecureRegistries, &e.Warnings} {
		*list = redactWords(*list)
	}
}

// scrubContainers judges labels: people keep passwords of reverse proxies and
// tokens of agents there. The names stay, for a policy may select by them.
func scrubContainers(all []resource.Container) []resource.Container {
	out := slices.Clone(all)
	for i, c := range out {
		out[i].Labels = redactMap(c.Labels)
		scrubSpec(&out[i].Spec)
	}
	return out
}

// scrubFirewall judges the rules of others, which may have comments.
func scrubFirewall(f *resource.Firewall) {
	f.Filters = slices.Clone(f.Filters)
	for i := range f.Filters {
		f.Filters[i].Forward = slices.Clone(f.Filters[i].Forward)
		for j, rule := range f.Filters[i].Forward {
			f.Filters[i].Forward[j] = redactText(rule)
		}
	}
}

// scrubEnvironment keeps the names: a value may be a proxy with a password.
func scrubEnvironment(env []string) []string {
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		out = append(out, name+"="+daemonjson.Redacted)
	}
	return out
}

// Fields of passwd(5) that may not leave the host, from 0; group(5) has its
// password in the same place.
const (
	hashField  = 1
	gecosField = 4
)

// scrubAccounts takes out of passwd(5) and group(5) what nobody needs for a
// plan: password hashes, which systems without shadow files keep there, and
// the names, rooms and telephone numbers of people.
func scrubAccounts(content []byte) []byte {
	if content == nil {
		return nil
	}
	var out strings.Builder
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSuffix(line, "\n")
		fields := strings.Split(text, ":")
		if len(fields) > hashField && len(fields[hashField]) > 1 {
			fields[hashField] = "x"
		}
		if len(fields) > gecosField {
			fields[gecosField] = ""
		}
		out.WriteString(strings.Join(fields, ":") + line[len(text):])
	}
	return []byte(out.String())
}

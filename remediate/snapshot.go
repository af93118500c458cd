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
	return append(b, '\n'), nil
}

// DecodeSnapshot reads what EncodeSnapshot wrote.
func DecodeSnapshot(b []byte) (*resource.Snapshot, error) {
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
	return &s, nil
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
	if s.StartedWith != nil {
		f := *s.StartedWith
		f.Content = daemonjson.Redact(f.Content)
		s.StartedWith = &f
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
	s.Accounts.Value.Passwd.Content = scrubAccounts(s.Accounts.Value.Passwd.Content)
	s.Accounts.Value.Group.Content = scrubAccounts(s.Accounts.Value.Group.Content)
}

// scrubEngine judges what people write into labels and addresses.
func scrubEngine(e *resource.Engine) {
	for _, list := range []*[]string{&e.Labels, &e.Mirrors, &e.InsecureRegistries, &e.Warnings} {
		*list = redactWords(*list)
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

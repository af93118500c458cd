package remediate

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	if s.Format != resource.SnapshotFormat {
		return nil, fmt.Errorf("cannot read the snapshot: format %d, this bulwark reads %d", s.Format, resource.SnapshotFormat)
	}
	return &s, nil
}

// scrub replaces secrets in every section that may hold one. It copies what
// it changes: the live snapshot keeps the true bytes.
func scrub(s *resource.Snapshot) {
	s.DaemonJSON.Value.Content = daemonjson.Redact(s.DaemonJSON.Value.Content)
	s.Process.Value.Argv = redactArgv(s.Process.Value.Argv)
	s.Unit.Value.ExecStart = redactArgv(s.Unit.Value.ExecStart)
	s.Unit.Value.Environment = scrubEnvironment(s.Unit.Value.Environment)
	flags := make([]resource.Flag, len(s.Flags.Value))
	for i, f := range s.Flags.Value {
		f.Value = redactOption(f.Name, f.Value)
		flags[i] = f
	}
	s.Flags.Value = flags
	s.Accounts.Value.Passwd.Content = scrubHashes(s.Accounts.Value.Passwd.Content)
	s.Accounts.Value.Group.Content = scrubHashes(s.Accounts.Value.Group.Content)
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

// redactArgv replaces words of a command line that may be secrets; a word
// after a flag with a telling name counts as one.
func redactArgv(argv []string) []string {
	out := make([]string, len(argv))
	for i, word := range argv {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "-") && ok:
			out[i] = name + "=" + redactOption(name, value)
		case i > 0 && strings.HasPrefix(argv[i-1], "-"):
			out[i] = redactOption(argv[i-1], word)
		default:
			out[i] = daemonjson.RedactString(word)
		}
	}
	return out
}

// redactOption judges a value together with the name of its option.
func redactOption(name, value string) string {
	if value != "" && daemonjson.RedactString(name+"="+value) == daemonjson.Redacted {
		return daemonjson.Redacted
	}
	return value
}

// scrubHashes replaces a password hash in the second field of passwd(5) and
// group(5), where systems without shadow files keep it.
func scrubHashes(content []byte) []byte {
	if content == nil {
		return nil
	}
	var out strings.Builder
	for line := range strings.Lines(string(content)) {
		name, rest, ok := strings.Cut(line, ":")
		hash, tail, ok2 := strings.Cut(rest, ":")
		if ok && ok2 && len(hash) > 1 {
			line = name + ":" + "x" + ":" + tail
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}

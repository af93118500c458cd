package execstart

import "strings"

// ParseEnvFile adds the assignments of an EnvironmentFile= to env, as
// systemd.exec(5) describes the format: NAME=VALUE lines, comments that start
// with # or ;, a backslash at the end of a line joins the next one, and one
// level of quotes around or in the value is removed. Later files win.
func ParseEnvFile(content []byte, origin string, env map[string]Var) {
	text := strings.ReplaceAll(string(content), "\\\n", "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		// "export NAME=..." is a shell habit; systemd takes "export NAME"
		// as the name and so never sets NAME. Neither do we.
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsAny(strings.TrimSpace(name), " \t") {
			continue
		}
		env[strings.TrimSpace(name)] = Var{unquote(strings.TrimSpace(value)), origin}
	}
}

// ParseEnvironment adds the assignments of Environment= lines.
func ParseEnvironment(assignments []string, origin string, env map[string]Var) {
	for _, a := range assignments {
		if name, value, ok := strings.Cut(a, "="); ok {
			env[name] = Var{value, origin}
		}
	}
}

// unquote removes quotes and backslash escapes as systemd's env-file parser
// does: inside single quotes a backslash is literal.
func unquote(s string) string {
	var out strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// DefinesExecStart reports whether a unit file or drop-in sets a non-empty
// ExecStart= in [Service]; the last file that does holds the command line.
func DefinesExecStart(content []byte) bool {
	section := ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if v, ok := strings.CutPrefix(line, "ExecStart="); ok && section == "[Service]" && v != "" {
			return true
		}
	}
	return false
}

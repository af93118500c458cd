package remediate

import (
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// scrubSurvey replaces secrets in what check reads besides. Names stay: that an
// image has a variable called DB_PASSWORD is a finding.
func scrubSurvey(s *resource.Survey) {
	s.Images.Value = slices.Clone(s.Images.Value)
	for i := range s.Images.Value {
		scrubImage(&s.Images.Value[i])
	}
	s.Listeners.Value = slices.Clone(s.Listeners.Value)
	for i, l := range s.Listeners.Value {
		s.Listeners.Value[i].Argv = hideCommand(l.Argv)
	}
	s.Kubelet.Value.Argv = redactCommand(s.Kubelet.Value.Argv)
	s.Etcd.Value.Argv = redactCommand(s.Etcd.Value.Argv)
}

func scrubImage(i *resource.Image) {
	i.Env, i.Labels = redactEnv(i.Env), redactNamed(i.Labels)
	if i.History == nil {
		return
	}
	i.History = slices.Clone(i.History)
	for n, line := range i.History {
		i.History[n] = redactLayer(line)
	}
}

func scrubSpec(s *resource.Spec) {
	s.Env, s.Command, s.LogOpts = redactEnv(s.Env), hideCommand(s.Command), redactNamed(s.LogOpts)
}

// redactEnv keeps of each variable its name, and whether its value looks like a
// secret; the value itself only if it is a switch or a path.
func redactEnv(env []string) []string {
	if env == nil {
		return nil
	}
	out := make([]string, len(env))
	for i, e := range env {
		name, value, ok := strings.Cut(e, "=")
		if ok {
			out[i] = name + "=" + redactVariable(name, value)
		} else {
			out[i] = redactNamedValue("", e)
		}
	}
	return out
}

func redactVariable(name, value string) string {
	switch {
	case resource.LooksSecret(value) || resource.LooksToken(value):
		return daemonjson.Redacted
	case resource.Harmless(name, value):
		return value
	case redactNamedValue(name, value) != value:
		return daemonjson.Redacted
	}
	return resource.NotKept
}

// redactNamed is redactMap with the names that variables have. Labels of
// containers keep redactMap: policies select by their values.
func redactNamed(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[name] = redactNamedValue(name, value)
	}
	return out
}

func redactNamedValue(name, value string) string {
	switch {
	case value == "":
		return ""
	case resource.NamesSecretVariable(name), resource.LooksSecret(value), resource.LooksToken(value):
		return daemonjson.Redacted
	}
	// A value that is a command itself, sh -c "...".
	if words := strings.Fields(value); len(words) > 1 && !slices.Equal(words, redactCommand(words)) {
		return daemonjson.Redacted
	}
	return value
}

// redactCommand judges the words of a command line: one by itself, a value by
// its flag, the word behind a flag that has none by that flag.
func redactCommand(argv []string) []string {
	if argv == nil {
		return nil
	}
	out := make([]string, len(argv))
	behind := ""
	for i, word := range argv {
		name, value, pair := strings.Cut(word, "=")
		flag := strings.HasPrefix(word, "-")
		switch {
		case pair && !strings.ContainsAny(name, " \t\n/:"):
			out[i] = name + "=" + redactNamedValue(strings.TrimLeft(name, "-"), value)
		case flag:
			out[i] = redactNamedValue("", word)
		default:
			out[i] = redactNamedValue(behind, word)
		}
		if behind = ""; flag && !pair {
			behind = strings.TrimLeft(word, "-")
		}
	}
	return out
}

// hideCommand keeps of a command line the program, the names of flags and paths,
// and what redactCommand found: any other word may be a secret that looks like
// none.
func hideCommand(argv []string) []string {
	out := redactCommand(argv)
	for i, word := range out {
		name, value, pair := strings.Cut(word, "=")
		flag := strings.HasPrefix(word, "-") && !strings.ContainsAny(name, " \t\n")
		switch {
		case i == 0, strings.Contains(word, daemonjson.Redacted) && !strings.ContainsAny(word, " \t\n"):
		case flag && !pair && len(word) > 2 && word[1] != '-': // mysql -pSECRET
			out[i] = word[:2] + resource.NotKept
		case flag && pair && !resource.Harmless("", value):
			out[i] = name + "=" + resource.NotKept
		case flag, resource.Harmless("", word) && !strings.ContainsAny(word, " \t\n"):
		default:
			out[i] = resource.NotKept
		}
	}
	return out
}

// redactLayer judges the command of a layer as docker history shows it. What
// ENV and ARG give a variable with a telling name goes to the end of the line:
// BuildKit shows it without quotes.
func redactLayer(line string) string {
	for _, instruction := range []string{"ENV ", "ARG "} {
		before, rest, ok := strings.Cut(line, instruction)
		name, value, pair := strings.Cut(rest, "=")
		if ok && pair && !strings.ContainsAny(name, " \t\n") && redactNamedValue(name, value) != value {
			return before + instruction + name + "=" + daemonjson.Redacted
		}
	}
	return strings.Join(redactCommand(quotedWords(line)), " ")
}

// quotedWords splits at blanks, but not within quotes: NAME="two words" is one.
func quotedWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ' && quote == 0:
			words = append(words, word.String())
			word.Reset()
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		word.WriteByte(line[i])
	}
	return append(words, word.String())
}

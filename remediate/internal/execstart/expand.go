// Package execstart computes the command line that systemd will run at the
// next start of a service, and which file each word comes from. Pure.
package execstart

import "strings"

// A Word is one argument and the file that it was written in.
type Word struct {
	Text   string
	Origin string
}

// A Var is an environment variable and the file that sets it.
type Var struct {
	Value  string
	Origin string
}

// Expand replaces variables in argv as systemd.service(5), "Command lines",
// says: $FOO as a word of its own is split at white space into any number of
// words, ${FOO} is put into its word unsplit, $$ is a dollar sign, and an
// unset variable is empty. origin is the file that holds ExecStart=.
func Expand(argv []string, env map[string]Var, origin string) []Word {
	var words []Word
	for _, arg := range argv {
		if name, ok := bareVar(arg); ok {
			for _, w := range Split(env[name].Value) {
				words = append(words, Word{w, env[name].Origin})
			}
			continue
		}
		words = append(words, braced(arg, env, origin))
	}
	return words
}

// bareVar reports whether arg is exactly $NAME.
func bareVar(arg string) (string, bool) {
	name, ok := strings.CutPrefix(arg, "$")
	if !ok || name == "" {
		return "", false
	}
	for i := range len(name) {
		if !nameByte(name[i], i) {
			return "", false
		}
	}
	return name, true
}

func nameByte(c byte, i int) bool {
	return c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || i > 0 && c >= '0' && c <= '9'
}

// braced substitutes ${NAME} and $$ in one word. The word's origin becomes
// the file of the last variable in it, for that is where the text is.
func braced(arg string, env map[string]Var, origin string) Word {
	var out strings.Builder
	last := strings.LastIndexByte(arg, '}')
	for i := 0; i < len(arg); i++ {
		rest := arg[i:]
		switch {
		case strings.HasPrefix(rest, "$$"):
			out.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "${") && i < last:
			end := strings.IndexByte(rest, '}')
			v := env[rest[2:end]]
			out.WriteString(v.Value)
			if v.Origin != "" {
				origin = v.Origin
			}
			i += end
		default:
			out.WriteByte(arg[i])
		}
	}
	return Word{out.String(), origin}
}

// Split cuts a variable's value into words at white space; single and double
// quotes keep a word together and are removed.
func Split(s string) []string {
	var (
		words  []string
		cur    strings.Builder
		quote  byte
		inWord bool
	)
	for i := range len(s) {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			cur.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if inWord {
				words = append(words, cur.String())
				cur.Reset()
			}
			inWord = false
		default:
			cur.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, cur.String())
	}
	return words
}

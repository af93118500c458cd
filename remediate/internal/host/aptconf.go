package host

import "strings"

// parseAptConf adds the settings of a file of apt.conf(5) to conf, by their
// full names in small letters: A::B "v"; and A { B "v"; }. Lists and what apt
// would refuse are passed over.
func parseAptConf(text string, conf map[string]string) {
	var scope, words []string
	for _, t := range aptTokens(text) {
		switch t {
		case "{":
			scope, words = append(scope, firstOf(words)), nil
		case "}":
			scope, words = scope[:max(0, len(scope)-1)], nil
		case ";":
			if len(words) == 2 {
				name := strings.Join(append(append([]string{}, scope...), words[0]), "::")
				conf[strings.ToLower(name)] = strings.Trim(words[1], `"`)
			}
			words = nil
		default:
			words = append(words, t)
		}
	}
}

func firstOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// aptTokens splits into words, strings with their quotes, and { } ;. Comments
// begin with // or # and end with the line, or are /* */.
func aptTokens(text string) []string {
	var out []string
	for text != "" {
		n := 1
		switch c := text[0]; {
		case strings.HasPrefix(text, "//") || c == '#':
			n = through(text, "\n")
		case strings.HasPrefix(text, "/*"):
			n = 2 + through(text[2:], "*/")
		case c == '"':
			n = 1 + through(text[1:], `"`)
			out = append(out, text[:n])
		case strings.IndexByte("{};", c) >= 0:
			out = append(out, text[:1])
		case c > ' ':
			n = wordEnd(text)
			out = append(out, text[:n])
		}
		text = text[n:]
	}
	return out
}

// through is the index behind the first end, or that of the end of the text.
func through(text, end string) int {
	if i := strings.Index(text, end); i >= 0 {
		return i + len(end)
	}
	return len(text)
}

func wordEnd(text string) int {
	if i := strings.IndexAny(text, " \t\r\n{};\""); i > 0 {
		return i
	}
	return len(text)
}

package daemonjson

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ParseFlags reads dockerd's command line as its flag library does: --name
// value, --name=value, bare booleans, -H value, -Hvalue, -H=value, -Dl debug.
// argv is what follows the program, with variables expanded; origin names the
// file that argv[i] comes from and may be nil. Short flags get their long
// name. Words that are no flags are left out.
func ParseFlags(argv []string, origin func(i int) string) []resource.Flag {
	if origin == nil {
		origin = func(int) string { return "" }
	}
	var flags []resource.Flag
	for i := 0; i < len(argv); i++ {
		word, at := argv[i], i
		switch {
		case word == "--":
			return flags
		case strings.HasPrefix(word, "--"):
			f, more := long(word[2:], argv[i+1:])
			f.Origin, i = origin(at), i+more
			flags = append(flags, f)
		case strings.HasPrefix(word, "-") && word != "-":
			fs, more := short(word[1:], argv[i+1:])
			for _, f := range fs {
				f.Origin = origin(at)
				flags = append(flags, f)
			}
			i += more
		}
	}
	return flags
}

// long reads one flag; more is the number of words of rest that it took.
func long(word string, rest []string) (f resource.Flag, more int) {
	name, value, given := strings.Cut(word, "=")
	f = resource.Flag{Name: name, Value: value}
	if given {
		return f, 0
	}
	if boolFlag(name) || len(rest) == 0 {
		f.Bare = true
		return f, 0
	}
	f.Value = rest[0]
	return f, 1
}

// short reads a cluster of short flags: booleans, then at most one with a
// value.
func short(cluster string, rest []string) (fs []resource.Flag, more int) {
	for i := 0; i < len(cluster); i++ {
		name := shorthand(cluster[i])
		value := cluster[i+1:]
		if v, ok := strings.CutPrefix(value, "="); ok {
			return append(fs, resource.Flag{Name: name, Value: v}), 0
		}
		if boolFlag(name) {
			fs = append(fs, resource.Flag{Name: name, Bare: true})
			continue
		}
		if value != "" {
			return append(fs, resource.Flag{Name: name, Value: value}), 0
		}
		f, n := long(name, rest)
		return append(fs, f), n
	}
	return fs, 0
}

// shorthand returns the long name of a short flag, or the letter itself.
func shorthand(c byte) string {
	m := map[byte]string{
		'H': "host", 'l': "log-level", 'D': "debug", 'G': "group", 'p': "pidfile", 'b': "bridge",
		'g': "graph", 's': "storage-driver", 'r': "restart", 'v': "version", 'h': "help",
	}
	if long, ok := m[c]; ok {
		return long
	}
	return string(c)
}

// boolFlag reports whether a flag takes no value of its own.
func boolFlag(name string) bool {
	switch name {
	case "restart", "version", "help", "validate":
		return true
	}
	k, ok := Lookup(name)
	return ok && k.Type == Bool
}

// flagValue returns the value that flags give a key, as the JSON of the file.
// It fails for types whose flags have a syntax of their own.
func flagValue(k Key, flags []resource.Flag) (json.RawMessage, bool) {
	var v any
	ok := true
	switch k.Type {
	case Bool:
		v, ok = boolOf(flags[len(flags)-1])
	case Int:
		n, err := strconv.Atoi(last(flags))
		v, ok = n, err == nil
	case String, IP, Size:
		v = last(flags)
	case StringList, IPList:
		v = values(flags)
	case StringMap:
		v, ok = pairs(flags)
	case BoolMap:
		v, ok = switches(flags)
	case MapOfMaps:
		v, ok = nestedPairs(flags)
	case Ulimits:
		v, ok = ulimitsOf(flags)
	default:
		return nil, false
	}
	if !ok {
		return nil, false
	}
	raw, err := json.Marshal(v)
	return raw, err == nil
}

func last(flags []resource.Flag) string { return flags[len(flags)-1].Value }

func values(flags []resource.Flag) []string {
	vs := make([]string, len(flags))
	for i, f := range flags {
		vs[i] = f.Value
	}
	return vs
}

func boolOf(f resource.Flag) (value, ok bool) {
	if f.Bare {
		return true, true
	}
	b, err := strconv.ParseBool(f.Value)
	return b, err == nil
}

func pairs(flags []resource.Flag) (map[string]string, bool) {
	m := map[string]string{}
	for _, f := range flags {
		k, v, _ := strings.Cut(f.Value, "=")
		m[k] = v
	}
	return m, true
}

func switches(flags []resource.Flag) (map[string]bool, bool) {
	m := map[string]bool{}
	for _, f := range flags {
		k, v, given := strings.Cut(f.Value, "=")
		b, err := strconv.ParseBool(v)
		if given && err != nil {
			return nil, false
		}
		m[k] = b || !given
	}
	return m, true
}

// nestedPairs reads --default-network-opt driver=option=value.
func nestedPairs(flags []resource.Flag) (map[string]map[string]string, bool) {
	m := map[string]map[string]string{}
	for _, f := range flags {
		driver, opt, ok := strings.Cut(f.Value, "=")
		k, v, ok2 := strings.Cut(opt, "=")
		if !ok || !ok2 {
			return nil, false
		}
		if m[driver] == nil {
			m[driver] = map[string]string{}
		}
		m[driver][k] = v
	}
	return m, true
}

// ulimitsOf reads --default-ulimit name=soft[:hard].
func ulimitsOf(flags []resource.Flag) (map[string]ulimit, bool) {
	m := map[string]ulimit{}
	for _, f := range flags {
		name, limits, _ := strings.Cut(f.Value, "=")
		softText, hardText, two := strings.Cut(limits, ":")
		if !two {
			hardText = softText
		}
		soft, err := strconv.ParseInt(softText, 10, 64)
		hard, err2 := strconv.ParseInt(hardText, 10, 64)
		if err != nil || err2 != nil {
			return nil, false
		}
		m[name] = ulimit{Name: name, Soft: soft, Hard: hard}
	}
	return m, true
}

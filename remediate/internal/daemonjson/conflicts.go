package daemonjson

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Conflicts returns a problem for each key of the file that dockerd also gets
// as a flag: it refuses to start then, even if both give the same value.
// Only runtimes and --add-runtime may be given in both places
// (daemon/config/config.go, findConfigurationConflicts). A file that cannot be
// parsed has none. The problems' File is empty.
func Conflicts(content []byte, flags []resource.Flag) []Problem {
	d, _ := parse(content)
	if d.obj == nil {
		return nil
	}
	var found []Problem
	for _, m := range d.obj.Members {
		for _, name := range settings(m) {
			given := flagsOf(nameOf(m), name, flags)
			if len(given) == 0 {
				continue
			}
			p := conflict(nameOf(m), name, given[0])
			p.Line, p.Column = lineColumn(content, len(d.bom)+m.Name.StartOffset)
			found = append(found, p)
		}
	}
	return found
}

// settings are the names under which dockerd compares a member with flags:
// the members of "proxies", else the key itself.
func settings(m hujson.ObjectMember) []string {
	obj, ok := m.Value.Value.(*hujson.Object)
	if !ok || nameOf(m) != "proxies" {
		return []string{nameOf(m)}
	}
	var names []string
	for _, sub := range obj.Members {
		names = append(names, nameOf(sub))
	}
	return names
}

// flagsOf returns the flags that set a key, or one member of "proxies".
func flagsOf(key, setting string, flags []resource.Flag) []resource.Flag {
	k, ok := Lookup(key)
	if key == "runtimes" {
		return nil
	}
	names := k.Flags
	if real, trap := flagName(key); !ok && trap && (real == "" || real == "proxies") {
		names = []string{key} // a flag that bears no other name in the file
	}
	if setting != key {
		names = []string{setting}
	}
	var given []resource.Flag
	for _, f := range flags {
		if slices.Contains(names, f.Name) {
			given = append(given, f)
		}
	}
	return given
}

func conflict(key, setting string, f resource.Flag) Problem {
	where := f.Origin
	if where == "" {
		where = "dockerd's command line"
	}
	p := Problem{Severity: Refused, Key: key}
	if setting != key {
		p.Key = join(key, setting)
	}
	p.Text = fmt.Sprintf("%q is also given by the flag --%s in %s: dockerd refuses to start with both", p.Key, f.Name, where)
	p.Remedy = flagRemedy(f, where)
	return p
}

// flagRemedy says how to get rid of a flag: units of packages are not edited
// but overridden.
func flagRemedy(f resource.Flag, where string) string {
	if strings.HasSuffix(where, ".service") && !strings.HasPrefix(where, "/etc/") {
		return fmt.Sprintf("override ExecStart without --%s by a drop-in (systemctl edit docker.service), or leave the key out", f.Name)
	}
	return fmt.Sprintf("remove --%s from %s, or leave the key out", f.Name, where)
}

package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Select returns the controls of the catalogue that only names and except does
// not; an empty only names all. A name is a slug (with * as wildcard), an area
// (D01 to D10), a number of the CIS benchmark or the beginning of one (5.4, 5), of
// 1.8 unless it says otherwise (1.6:2.14).
func Select(only, except []string) ([]Control, error) {
	for _, name := range slices.Concat(only, except) {
		if !slices.ContainsFunc(all(), func(c Control) bool { return c.named(name) }) {
			return nil, noControl(name)
		}
	}
	var out []Control
	for _, c := range all() {
		if (len(only) == 0 || slices.ContainsFunc(only, c.named)) && !slices.ContainsFunc(except, c.named) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot check: nothing is left of %s without %s", strings.Join(only, ", "), strings.Join(except, ", "))
	}
	return out, nil
}

func noControl(name string) error {
	var slugs []string
	for _, c := range all() {
		slugs = append(slugs, c.ID)
	}
	if near := resource.Nearest(name, slugs); near != "" {
		return fmt.Errorf("cannot check %q: there is no such control; did you mean %s?", name, near)
	}
	return fmt.Errorf("cannot check %q: it is no slug, no area D01 to D10 and no number of the CIS benchmark", name)
}

func (c Control) named(name string) bool {
	if glob(name, c.ID) || slices.ContainsFunc(c.OWASP, func(a string) bool { return strings.EqualFold(a, name) }) {
		return true
	}
	version, number, given := strings.Cut(strings.TrimPrefix(strings.ToLower(name), "cis-"), ":")
	if !given {
		version, number = versions[len(versions)-1], version
	}
	number = strings.TrimSuffix(number, ".")
	return slices.ContainsFunc(c.CIS[version], func(n string) bool { return n == number || strings.HasPrefix(n, number+".") })
}

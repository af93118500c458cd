package limits

import (
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ruleFor returns the first rule that matches the container, with its number.
func (w *Want) ruleFor(c resource.Container) (int, *Rule) {
	for i := range w.Rules {
		if w.Rules[i].matches(c) {
			return i, &w.Rules[i]
		}
	}
	return 0, nil
}

func (r *Rule) matches(c resource.Container) bool {
	return (r.Container == "" || wildcard(r.Container, c.Name)) &&
		(r.Image == "" || wildcard(r.Image, c.Image)) &&
		(r.Label == "" || labelled(r.Label, c.Labels))
}

func labelled(want string, labels map[string]string) bool {
	key, value, valued := strings.Cut(want, "=")
	got, ok := labels[key]
	return ok && (!valued || got == value)
}

// wildcard reports whether s fits pattern, in which * is any run of characters.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == s
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

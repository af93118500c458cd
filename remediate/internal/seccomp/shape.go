package seccomp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A shape says what may stand in a place of a profile.
type shape struct {
	kind kind
	keys map[string]shape // of an object
	item *shape           // of a list
}

var (
	str  = shape{kind: isString}
	num  = shape{kind: isNumber}
	strs = shape{kind: isArray, item: &str}
)

func list(s shape) shape                 { return shape{kind: isArray, item: &s} }
func object(keys map[string]shape) shape { return shape{kind: isObject, keys: keys} }

// topKeys is the form of a profile: the OCI runtime specification's
// (config-linux.md, "Seccomp") and what dockerd has besides.
func topKeys() map[string]shape {
	filter := object(map[string]shape{"caps": strs, "arches": strs, "minKernel": str})
	arg := object(map[string]shape{"index": num, "value": num, "valueTwo": num, "op": str})
	rule := object(map[string]shape{
		"names": strs, "name": str, "action": str, "errnoRet": num, "args": list(arg), "comment": str,
		"includes": filter, "excludes": filter,
	})
	arch := object(map[string]shape{"architecture": str, "subArchitectures": strs})
	return map[string]shape{
		"defaultAction": str, "defaultErrnoRet": num, "architectures": strs, "archMap": list(arch), "flags": strs,
		"listenerPath": str, "listenerMetadata": str, "syscalls": list(rule),
	}
}

// shape refuses keys that dockerd would pass over, keys that stand twice, and
// values of the wrong type.
func (c *checker) shape(n *node, key string, keys map[string]shape) {
	seen := map[string]bool{}
	for _, f := range n.fields {
		path := strings.TrimPrefix(key+"."+f.key, ".")
		want, ok := keys[f.key]
		switch lower := strings.ToLower(f.key); {
		case !ok:
			c.refuse(f.line, path, "unknown key%s: dockerd passes it over", meant(f.key, slices.Sorted(maps.Keys(keys))))
		case seen[lower]:
			c.refuse(f.line, path, "stands twice: dockerd takes the last one")
		default:
			seen[lower] = true
			c.value(f.value, path, want)
		}
	}
}

func (c *checker) value(n *node, key string, want shape) {
	if n.kind != isNull { // which dockerd takes for absent
		c.item(n, key, want)
	}
}

func (c *checker) item(n *node, key string, want shape) {
	switch {
	case n.kind != want.kind:
		c.refuse(n.line, key, "%s, not %s", n.kind, want.kind)
	case want.kind == isObject:
		c.shape(n, key, want.keys)
	case want.kind == isArray:
		for i, item := range n.items {
			c.item(item, fmt.Sprintf("%s[%d]", key, i), *want.item)
		}
	}
}

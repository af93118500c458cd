package subid

import (
	"math"
	"strconv"
	"strings"
)

// Defs are the limits of login.defs(5), in ids.
type Defs struct {
	UIDMin, UIDMax       uint32 // people; the same for groups: the wider of UID_* and GID_*
	SysUIDMin, SysUIDMax uint32
	SysGIDMin, SysGIDMax uint32
	// SubMin and SubMax are the bounds that both SUB_UID_* and SUB_GID_*
	// allow.
	SubMin, SubMax uint32
	// Deterministic is SUB_UID_DETERMINISTIC or SUB_GID_DETERMINISTIC
	// (shadow-utils, lib/find_new_sub_uids.c): useradd then computes a
	// user's range from its uid and looks at no other entry.
	Deterministic bool
}

// ParseDefs reads login.defs(5). Missing or senseless values get the defaults
// of its man page: a range whose minimum is above its maximum is senseless.
func ParseDefs(b []byte) Defs {
	v := keys(b)
	d := Defs{
		UIDMin: min(v.num("UID_MIN", 1000), v.num("GID_MIN", 1000)),
		UIDMax: max(v.num("UID_MAX", 60000), v.num("GID_MAX", 60000)),
		SubMin: max(v.num("SUB_UID_MIN", 100000), v.num("SUB_GID_MIN", 100000)),
		SubMax: min(v.num("SUB_UID_MAX", 600100000), v.num("SUB_GID_MAX", 600100000)),
	}
	d.UIDMin, d.UIDMax = ordered(d.UIDMin, d.UIDMax, 1000, 60000)
	d.SubMin, d.SubMax = ordered(d.SubMin, d.SubMax, 100000, 600100000)
	d.SysUIDMin, d.SysUIDMax = v.system("SYS_UID_MIN", "SYS_UID_MAX", d.UIDMin)
	d.SysGIDMin, d.SysGIDMax = v.system("SYS_GID_MIN", "SYS_GID_MAX", d.UIDMin)
	d.Deterministic = v.yes("SUB_UID_DETERMINISTIC") || v.yes("SUB_GID_DETERMINISTIC")
	return d
}

type defs map[string]string

func keys(b []byte) defs {
	v := defs{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0][0] != '#' {
			v[f[0]] = strings.Trim(f[1], `"`)
		}
	}
	return v
}

// num takes 0x and leading-zero forms like getdef_ulong of shadow-utils.
func (v defs) num(key string, def uint32) uint32 {
	n, err := strconv.ParseUint(v[key], 0, 64)
	if err != nil {
		return def
	}
	return uint32(min(n, math.MaxUint32-1))
}

// system reads the ids for system accounts. They stay below nobody, 65534.
func (v defs) system(minKey, maxKey string, people uint32) (lo, hi uint32) {
	hi = min(max(people, 1000)-1, 65533)
	return ordered(v.num(minKey, 101), min(v.num(maxKey, hi), 65533), 101, hi)
}

func (v defs) yes(key string) bool { return strings.EqualFold(v[key], "yes") }

func ordered(lo, hi, defLo, defHi uint32) (uint32, uint32) {
	if lo > hi {
		return defLo, defHi
	}
	return lo, hi
}

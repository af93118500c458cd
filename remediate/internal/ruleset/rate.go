package ruleset

import (
	"fmt"
	"strconv"
	"strings"
)

// A Rate is N per second, minute, hour or day.
type Rate struct {
	N   uint32
	Per string
}

// seconds of a Rate's units, largest first, with iptables' names.
var units = []struct {
	name, short string
	seconds     uint32
}{{"day", "day", 86400}, {"hour", "hour", 3600}, {"minute", "min", 60}, {"second", "sec", 1}}

// ParseRate reads "10/minute" and the shorter forms that iptables takes:
// "10/min", "10/m".
func ParseRate(s string) (Rate, error) {
	number, per, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(number, 10, 32)
	for _, u := range units {
		if err == nil && per != "" && strings.HasPrefix(u.name, per) {
			r := Rate{N: uint32(n), Per: u.name}
			if r.valid() {
				return r, nil
			}
		}
	}
	return Rate{}, fmt.Errorf("cannot read rate %q: want a number from 1 to 10000 and second, minute, hour or day, as in 10/minute, and at least 5/day", s)
}

// valid refuses what is slower than 5 in a day: xt_limit counts in 32 bits that
// are good for a day or two, and a burst of 5 must fit in. It refuses 1/day.
func (r Rate) valid() bool {
	return r.N >= 1 && r.N <= 10000 && r.seconds() > 0 && r.seconds()/r.N <= units[0].seconds/5
}

func (r Rate) seconds() uint32 {
	for _, u := range units {
		if u.name == r.Per {
			return u.seconds
		}
	}
	return 0
}

// limitScale is XT_LIMIT_SCALE: iptables keeps a rate as the time between two
// matches in units of 1/10000 s, and prints what it finds for that time. So
// 60/minute comes back as 1/sec and 3000/second as 3333/sec.
const limitScale = 10000

func (r Rate) iptables() string {
	period := limitScale * r.seconds() / r.N
	unit := units[0]
	for _, u := range units[1:] {
		mult := limitScale * u.seconds
		if period > mult || mult/period < mult%period {
			break
		}
		unit = u
	}
	return fmt.Sprintf("%d/%s", limitScale*unit.seconds/period, unit.short)
}

package ruleset_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
)

// BenchmarkGrowth prints how reading iptables-save grows with the rules: the
// processor's time for 2n over that for n, in one run. Linear is 2.
func BenchmarkGrowth(b *testing.B) {
	for what, line := range map[string]string{
		"of others":       `-A FORWARD -s 192.0.2.1/32 -m comment --comment "a -j b" -j ACCEPT`,
		"own":             "-A BULWARK-OUT -d 192.0.2.1/32 -j RETURN",
		"with open quote": `-A FORWARD -m comment --comment "\" \" -j ACCEPT`,
		"in one comment":  `\"`,
	} {
		b.Run("200000 rules "+what, func(b *testing.B) {
			for b.Loop() {
				one, two := parseTime(line, 100_000), parseTime(line, 200_000)
				b.ReportMetric(float64(two)/float64(one), "ratio")
				b.ReportMetric(two.Seconds(), "s/2n")
			}
		})
	}
}

func parseTime(line string, n int) time.Duration {
	text := []byte("*filter\n:FORWARD ACCEPT [0:0]\n:BULWARK-OUT - [0:0]\n-A FORWARD -m comment --comment \"\n" + strings.Repeat(line+"\n", n) + "COMMIT\n")
	best := time.Hour
	for range 3 {
		begin := cpuTime()
		_, _, _ = ruleset.ParseSave("ip", "nft", text)
		best = min(best, cpuTime()-begin)
	}
	return best
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

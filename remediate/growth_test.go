package remediate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// huge makes running hosts with n of something.
var huge = []struct {
	what string
	n    int
	fill func(s *resource.Snapshot, n int)
}{
	{"containers", 2_500, func(s *resource.Snapshot, n int) {
		s.Containers.Value = nil
		for i := range n {
			s.Containers.Value = append(s.Containers.Value, resource.Container{
				ID: fmt.Sprintf("%064x", i), Name: fmt.Sprint("web", i), Image: "nginx", State: "running", NetworkMode: "bridge",
				Labels: map[string]string{"role": fmt.Sprint(i), "project": "a"}, Binds: []string{fmt.Sprint("/srv/", i)},
				Networks: []resource.Endpoint{{Network: "bridge", IPs: []string{fmt.Sprintf("172.17.%d.%d", i>>8, i&255)}}},
			})
		}
	}},
	{"networks", 2_500, func(s *resource.Snapshot, n int) {
		s.Networks = resource.Known([]resource.Network{})
		for i := range n {
			id := fmt.Sprintf("%012x%052x", i, 0)
			s.Networks.Value = append(s.Networks.Value, resource.Network{
				ID: id, Name: fmt.Sprint("n", i), Driver: "bridge", Bridge: fmt.Sprintf("br-%012x", i), Subnets: []string{fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255)},
			})
		}
	}},
	{"open connections", 25_000, func(s *resource.Snapshot, n int) {
		s.Flows = resource.Known([]resource.Flow{})
		for i := range n {
			s.Flows.Value = append(s.Flows.Value, resource.Flow{Proto: "tcp", Src: "172.17.0.2", Dst: fmt.Sprintf("10.%d.%d.1", i>>8, i&255), Port: 443, Count: 1})
		}
	}},
	{"lines of subuid", 100_000, func(s *resource.Snapshot, n int) {
		ids := lines(n, func(i int) string { return fmt.Sprintf("u%d:%d:10", i, 100_000+10*i) })
		s.Accounts.Value.Subuid, s.Accounts.Value.Subgid = file("/etc/subuid", ids), file("/etc/subgid", ids)
	}},
	{"lines of passwd", 100_000, func(s *resource.Snapshot, n int) {
		s.Accounts.Value.Passwd = file("/etc/passwd", lines(n, func(i int) string { return fmt.Sprintf("u%d:x:%d:%d::/:/bin/sh", i, i, i) }))
		s.Accounts.Value.Group = file("/etc/group", lines(n, func(i int) string { return fmt.Sprintf("u%d:x:%d:", i, i) }))
	}},
	{"keys of daemon.json", 10_000, func(s *resource.Snapshot, n int) {
		s.DaemonJSON.Value = file("/etc/docker/daemon.json", "{"+lines(n, func(i int) string { return fmt.Sprintf(`"key%d": 1,`, i) })+`"icc": true}`)
	}},
	{"labels of daemon.json", 10_000, func(s *resource.Snapshot, n int) {
		s.DaemonJSON.Value = file("/etc/docker/daemon.json", `{"labels": [`+lines(n, func(i int) string { return fmt.Sprintf(`"k%d=v",`, i) })+`"a=b"]}`)
	}},
	{"flags of dockerd", 10_000, func(s *resource.Snapshot, n int) {
		for i := range n {
			s.Flags.Value = append(s.Flags.Value, resource.Flag{Name: "label", Value: fmt.Sprint("k", i, "=v")})
		}
	}},
	{"audit rules", 10_000, audited(func(i int) string { return fmt.Sprintf("-w /srv/%d -p wa -k theirs", i) })},
	{"audit lines that are no rules", 10_000, audited(func(i int) string { return fmt.Sprintf("-x /srv/%d", i) })},
}

// audited has a file of rules of others, and what augenrules made of it.
func audited(line func(i int) string) func(s *resource.Snapshot, n int) {
	return func(s *resource.Snapshot, n int) {
		text := lines(n, line)
		s.Audit = resource.Known(resource.Audit{
			Auditctl: "/sbin/auditctl", Augenrules: "/sbin/augenrules", Version: "3.0.9", Kernel: resource.Known(resource.AuditKernel{}),
			Files: []resource.File{file("/etc/audit/rules.d/30-theirs.rules", text)}, Compiled: file("/etc/audit/audit.rules", text),
		})
	}
}

func lines(n int, line func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i) + "\n")
	}
	return b.String()
}

// BenchmarkGrowth prints how a plan of a snapshot, read from its JSON, grows
// with what is in it: the processor's time for 2n over that for n, in one run.
// Linear is 2.
func BenchmarkGrowth(b *testing.B) {
	strict, err := plans.Load("strict", nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range huge {
		b.Run(fmt.Sprintf("%d %s", 2*h.n, h.what), func(b *testing.B) {
			for b.Loop() {
				one, two := planTime(b, strict, h.fill, h.n), planTime(b, strict, h.fill, 2*h.n)
				b.ReportMetric(float64(two)/float64(one), "ratio")
				b.ReportMetric(two.Seconds(), "s/2n")
			}
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// planTime is the best of three, in time of the processor.
func planTime(b *testing.B, policy *plans.Policy, fill func(*resource.Snapshot, int), n int) time.Duration {
	b.Helper()
	s := running()
	fill(s, n)
	text, err := remediate.EncodeSnapshot(s)
	if err != nil {
		b.Fatal(err)
	}
	best := time.Hour
	for range 3 {
		start := cpuTime(b)
		s, err := remediate.DecodeSnapshot(text)
		if err != nil {
			b.Fatal(err)
		}
		remediate.NewPlan(policy, s)
		best = min(best, cpuTime(b)-start)
	}
	return best
}

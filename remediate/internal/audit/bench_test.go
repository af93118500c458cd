package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A converged host is what a plan finds every half hour.
func BenchmarkConverged(b *testing.B) {
	for _, theirs := range []int{0, 1000} {
		b.Run(fmt.Sprint(theirs), func(b *testing.B) {
			s := snapshot(b, "bookworm")
			var text strings.Builder
			for i := range theirs {
				line := fmt.Sprintf("-w /srv/file%d -p wa -k theirs", i)
				text.WriteString(line + "\n")
				s.Audit.Value.Kernel.Value.Rules = append(s.Audit.Value.Kernel.Value.Rules, rule(b, line).Kernel())
			}
			foreign("30-theirs.rules", text.String())(&s.Audit.Value)
			want := &audit.Want{Groups: everything}
			s = applied(b, s, kind.Diff(want, s, nil))
			b.ResetTimer()
			for b.Loop() {
				if r := kind.Diff(want, s, []resource.Change{}); len(r.Operations) > 0 {
					b.Fatal("it is not converged")
				}
			}
		})
	}
}

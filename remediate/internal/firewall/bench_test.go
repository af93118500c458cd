package firewall_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

// BenchmarkLoad is one exchange of rules with allowlists of some sizes, both
// families, on a host without traffic.
func BenchmarkLoad(b *testing.B) {
	for _, be := range backends {
		for _, n := range []int{10, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", be, n), func(b *testing.B) {
				scratch.Netns(b)
				for i := range b.N {
					if err := firewall.Load(context.Background(), be.rules(n+i%2), nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFirewall is what plan reads, with rules of some size in the kernel.
func BenchmarkFirewall(b *testing.B) {
	for _, be := range backends {
		for _, n := range []int{10, 10000} {
			b.Run(fmt.Sprintf("%s/%d", be, n), func(b *testing.B) {
				scratch.Netns(b)
				if err := firewall.Load(context.Background(), be.rules(n), nil); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := host.NewReader("/", nil, "").Firewall(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

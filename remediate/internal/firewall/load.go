package firewall

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// tries is how often a table is read and loaded anew when others change it
// between the reading and the loading.
const tries = 3

// Load makes what bulwark has in the kernel exactly rules: it is idempotent,
// swaps without a gap, and touches nothing of others'.
//
// The order is what keeps the gap away: sets are whole before a rule names
// them and go after the last one has; new rules stand before those in another
// table go. ip6 is first, so that a failure of it leaves ip as it was.
func Load(ctx context.Context, rules []resource.Ruleset, lock *os.File) error {
	unlock, err := host.LockRules(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return loadUnlocked(ctx, rules, lock)
}

func loadUnlocked(ctx context.Context, rules []resource.Ruleset, lock *os.File) error {
	l := &loader{want: rules, lock: lock}
	if err := l.read(ctx); err != nil {
		return err
	}
	if err := l.putSets(); err != nil {
		return err
	}
	for _, wanted := range []bool{true, false} {
		if err := l.tables(ctx, wanted); err != nil {
			return err
		}
	}
	return l.dropSets(ctx)
}

type loader struct {
	want  []resource.Ruleset
	found *host.Rules
	lock  *os.File
}

func (l *loader) read(ctx context.Context) (err error) {
	l.found, err = host.ReadRules(ctx)
	return err
}

// tables loads the tables that are wanted, or clears those that are not.
func (l *loader) tables(ctx context.Context, wanted bool) error {
	for _, variant := range []string{resource.VariantNFT, resource.VariantLegacy} {
		for _, family := range []string{resource.FamilyIP6, resource.FamilyIP4} {
			want := l.wanted(resource.BackendIPTables, variant, family)
			if (want != nil) != wanted {
				continue
			}
			if err := l.again(ctx, func() error { return l.iptables(ctx, family, variant, want) }); err != nil {
				return err
			}
		}
	}
	want := l.wanted(resource.BackendNFTables, "", resource.FamilyInet)
	if (want != nil) != wanted {
		return nil
	}
	return l.again(ctx, func() error { return l.nft(ctx, want) })
}

// wanted returns nil if nothing is wanted there.
func (l *loader) wanted(backend, variant, family string) *resource.RuleTable {
	for _, rs := range l.want {
		for _, t := range rs.Tables {
			if rs.Backend == backend && rs.Variant == variant && t.Family == family {
				return &t
			}
		}
	}
	return nil
}

// again repeats a load that lost a race, on what is there now.
func (l *loader) again(ctx context.Context, load func() error) error {
	for try := 1; ; try++ {
		err := load()
		if err == nil || try == tries || !host.Raced(err) {
			return err
		}
		if err := l.read(ctx); err != nil {
			return err
		}
	}
}

func (l *loader) iptables(ctx context.Context, family, variant string, want *resource.RuleTable) error {
	t := l.found.Table(family, variant)
	if t.Other.Native {
		if want == nil {
			return nil // nothing of ours is in it
		}
		return fmt.Errorf("cannot change the table filter of %s: nft put rules into it that iptables cannot show", family)
	}
	script := ruleset.Restore(want, t.Own, t.Other)
	if script == "" {
		return nil
	}
	return host.Restore(ctx, family, variant, script, l.lock)
}

func (l *loader) nft(ctx context.Context, want *resource.RuleTable) error {
	if want == nil && l.found.NFT == nil {
		return nil
	}
	sets, rules, tidy := ruleset.NFT(want, l.found.NFT)
	for _, script := range []string{sets, rules, tidy} {
		if script == "" {
			continue
		}
		if err := host.LoadNFT(ctx, script, l.lock); err != nil {
			return err
		}
	}
	return nil
}

// putSets makes the ipsets that the wanted iptables rules name, those that are
// there with other content included.
func (l *loader) putSets() error {
	for _, s := range ipsets(l.want) {
		if slices.ContainsFunc(l.found.Sets, func(f resource.AddrSet) bool { return same(f, s) }) {
			continue
		}
		if err := host.PutSet(s); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) dropSets(ctx context.Context) error {
	for _, s := range l.found.Sets {
		if slices.ContainsFunc(ipsets(l.want), func(w resource.AddrSet) bool { return w.Name == s.Name }) {
			continue
		}
		if err := host.DropSet(ctx, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// ipsets are the sets of iptables rules; nftables has its own, in its table.
func ipsets(rules []resource.Ruleset) []resource.AddrSet {
	var sets []resource.AddrSet
	for _, rs := range rules {
		for _, t := range rs.Tables {
			if rs.Backend == resource.BackendIPTables {
				sets = append(sets, t.Sets...)
			}
		}
	}
	return sets
}

func same(a, b resource.AddrSet) bool {
	return a.Name == b.Name && a.Family == b.Family && slices.Equal(a.Members, b.Members)
}

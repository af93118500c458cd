package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Firewall reads netfilter and who else manages it; see resource.Reader.
func (r *Reader) Firewall(ctx context.Context) (resource.Firewall, error) {
	switch {
	case !r.Live():
		return resource.Firewall{}, errImage
	case os.Geteuid() != 0:
		return resource.Firewall{}, errNeedsRoot
	}
	f := resource.Firewall{
		Filters: []resource.Filter{}, Variant: iptablesVariant(),
		Bridges: bridges(), Nameservers: nameservers(), Forwarding: forwarding(),
	}
	var rules *Rules
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { f.Tools = tools(ctx) })
	wg.Go(func() { f.Managers = managers(ctx) })
	rules, err = ReadRules(ctx) // on this thread: a test may have put it into a namespace
	wg.Wait()
	if err != nil {
		return resource.Firewall{}, err
	}
	for _, t := range rules.Tables {
		f.Filters = append(f.Filters, t.Other)
	}
	f.Own = rules.Own()
	return f, nil
}

// Rules is what netfilter holds, as far as bulwark looks.
type Rules struct {
	Tables []FilterTable       // iptables filter tables that exist
	NFT    *resource.RuleTable // table inet bulwark, nil if there is none
	Sets   []resource.AddrSet  // own ipsets
}

// A FilterTable is one iptables filter table: bulwark's part, and what
// matters of the rest.
type FilterTable struct {
	Own   resource.RuleTable
	Other resource.Filter
}

// ReadRules reads the kernel of the calling thread's network namespace. It
// creates no table and loads no module: a program is run only for a table that
// is known to exist. What changes while it is listed is listed again.
func ReadRules(ctx context.Context) (rules *Rules, err error) {
	for range 5 {
		var p *ProgramError
		var stopped *stoppedError
		if rules, err = readRules(ctx); !errors.As(err, &p) || errors.As(err, &stopped) {
			break // a set that a rule names and that is gone meanwhile makes iptables-save fail
		}
	}
	return rules, err
}

func readRules(ctx context.Context) (*Rules, error) {
	present, err := presentTables()
	if err != nil {
		return nil, err
	}
	var jobs []*job
	if slices.Contains(present, ownTable) && program("nft") == "" {
		return nil, ownTable.wrap(errors.New("nft is not installed"))
	}
	for _, t := range present {
		if argv := t.listing(); argv != nil {
			jobs = append(jobs, &job{t, startCommand(ctx, argv, nil, nil)})
		}
	}
	rules := &Rules{}
	var failed error
	rules.Sets, failed = ownSets() // while the programs run
	for _, j := range jobs {       // all are waited for, else they would be left as zombies
		failed = together(failed, j.into(rules))
	}
	if failed != nil {
		return nil, failed
	}
	return rules, nil
}

// A job is a program that lists one table. All are started before the first
// is waited for; from one goroutine, for a child gets its thread's namespace.
type job struct {
	of  table
	run *running
}

func (j *job) into(rules *Rules) error {
	out, err := j.run.wait()
	switch {
	case err != nil && j.of.nft() && strings.Contains(err.Error(), "No such file or directory"):
		return nil // it went away meanwhile
	case err != nil:
		return j.of.wrap(err)
	case j.of.nft():
		own, err := ruleset.ParseNFT(out)
		rules.NFT = &own
		return j.of.wrap(err)
	}
	own, other, err := ruleset.ParseSave(j.of.family, j.of.variant, out)
	if errors.Is(err, ruleset.ErrIncompatible) {
		own, other, err = hidden(j.of, err)
	}
	rules.Tables = append(rules.Tables, FilterTable{own, other})
	return j.of.wrap(err)
}

// hidden is a table that iptables cannot show. That is others' business, but not
// if rules of bulwark are in it: what cannot be seen must not count as absent.
func hidden(t table, cause error) (own resource.RuleTable, other resource.Filter, err error) {
	ours, err := ownChains(t)
	switch {
	case err != nil:
		err = together(cause, err)
	case ours:
		err = fmt.Errorf("rules of bulwark are in it, but %w", cause)
	}
	return resource.RuleTable{Family: t.family}, resource.Filter{Family: t.family, Variant: t.variant, Native: true}, err
}

// Table returns the table of a family and variant; one that does not exist is
// empty.
func (r *Rules) Table(family, variant string) FilterTable {
	for _, t := range r.Tables {
		if t.Other.Family == family && t.Other.Variant == variant {
			return t
		}
	}
	return FilterTable{
		Own:   resource.RuleTable{Family: family},
		Other: resource.Filter{Family: family, Variant: variant, ForwardPolicy: "ACCEPT"},
	}
}

// Own returns bulwark's rules: one Ruleset for each backend and variant that
// holds anything of it. A set is listed with the rules that name it, one that
// none names with the first that there are.
func (r *Rules) Own() []resource.Ruleset {
	var own []resource.Ruleset
	for _, variant := range []string{resource.VariantNFT, resource.VariantLegacy} {
		rs := resource.Ruleset{Backend: resource.BackendIPTables, Variant: variant}
		for _, family := range []string{resource.FamilyIP4, resource.FamilyIP6} {
			t := r.Table(family, variant).Own
			t.Sets = r.named(t)
			if !empty(t) {
				rs.Tables = append(rs.Tables, t)
			}
		}
		if rs.Tables != nil {
			own = append(own, rs)
		}
	}
	own = r.addStray(own)
	if r.NFT != nil {
		own = append(own, resource.Ruleset{Backend: resource.BackendNFTables, Tables: []resource.RuleTable{*r.NFT}})
	}
	return own
}

func empty(t resource.RuleTable) bool { return len(t.Jumps)+len(t.Chains)+len(t.Sets) == 0 }

// named are the sets that rules of a table name.
func (r *Rules) named(t resource.RuleTable) []resource.AddrSet {
	var used []resource.AddrSet
	for _, s := range r.Sets {
		if names(t, s.Name) {
			used = append(used, s)
		}
	}
	return used
}

func names(t resource.RuleTable, set string) bool {
	return slices.ContainsFunc(t.Chains, func(c resource.RuleChain) bool {
		return slices.ContainsFunc(c.Rules, func(rule string) bool {
			return slices.Contains(strings.Fields(rule), set)
		})
	})
}

// addStray adds the sets that no rule names, so that they are seen and removed.
func (r *Rules) addStray(own []resource.Ruleset) []resource.Ruleset {
	for _, s := range r.Sets {
		if slices.ContainsFunc(r.Tables, func(t FilterTable) bool { return names(t.Own, s.Name) }) {
			continue
		}
		if len(own) == 0 {
			own = []resource.Ruleset{{Backend: resource.BackendIPTables, Variant: iptablesVariant()}}
		}
		addSet(&own[0], s)
	}
	return own
}

func addSet(rs *resource.Ruleset, s resource.AddrSet) {
	i := slices.IndexFunc(rs.Tables, func(t resource.RuleTable) bool { return t.Family == s.Family })
	if i < 0 {
		i = len(rs.Tables)
		rs.Tables = append(rs.Tables, resource.RuleTable{Family: s.Family})
	}
	rs.Tables[i].Sets = append(rs.Tables[i].Sets, s)
}

// bridges are all bridge interfaces, and what is named like those of Docker.
func bridges() []string {
	var names []string
	paths, _ := filepath.Glob("/sys/class/net/*/bridge") // the patterns are good
	for _, p := range paths {
		names = append(names, filepath.Base(filepath.Dir(p)))
	}
	alike, _ := filepath.Glob("/sys/class/net/br-*")
	for _, p := range alike {
		names = append(names, filepath.Base(p))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// forwarding says whether the kernel forwards; a family that it lacks does not.
func forwarding() map[string]bool {
	on := func(path string) bool {
		b, err := os.ReadFile(path)
		return err == nil && string(bytes.TrimSpace(b)) != "0"
	}
	return map[string]bool{
		resource.FamilyIP4: on("/proc/sys/net/ipv4/ip_forward"),
		resource.FamilyIP6: on("/proc/sys/net/ipv6/conf/all/forwarding"),
	}
}

// managerUnits are services that write rules of their own, at their start or
// at any time.
var managerUnits = map[string]string{
	"firewalld": "firewalld.service", "ufw": "ufw.service",
	"nftables": "nftables.service", "netfilter-persistent": "netfilter-persistent.service",
}

// managers are those that run or will run at the next boot.
func managers(ctx context.Context) []string {
	found := map[string]bool{}
	if conn, err := dialSystemd(ctx); err == nil {
		defer conn.Close()
		for name, unit := range managerUnits {
			u, err := readUnit(ctx, conn, unit)
			found[name] = err == nil && (u.ActiveState == "active" || u.FileState == "enabled")
		}
	}
	// ufw.service is enabled by its package; whether it does anything, only its
	// own switch says (ufw-init-functions).
	found["ufw"] = ufwEnabled()
	maps.DeleteFunc(found, func(_ string, yes bool) bool { return !yes })
	return slices.Sorted(maps.Keys(found))
}

func ufwEnabled() bool {
	b, err := os.ReadFile("/etc/ufw/ufw.conf")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if strings.ToLower(strings.TrimSpace(line)) == "enabled=yes" {
			return true
		}
	}
	return false
}

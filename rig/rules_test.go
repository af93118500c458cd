//go:build rig

package rig_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// evilnet is the script that gives the host an outside world.
const evilnet = "/root/rig/testdata/evilnet"

// rulesCommands are those of stories about the firewall.
func rulesCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"evilnet": cmdEvilnet, "statrules": cmdStatrules, "samerules": cmdSamerules, "foreignrules": cmdForeignrules,
		"ownrules": cmdOwnrules, "seen": cmdSeen, "reach": cmdReach,
	}
}

// evilnet: make the namespaces "evil" and "lan", names, servers; see testdata/evilnet.
func cmdEvilnet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: evilnet")
	}
	ts.Check(ts.Exec("bash", evilnet))
}

// seen N: N packets have come to "evil" since the last call; with !, another number.
func cmdSeen(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] seen N")
	}
	out, err := exec.Command("ip", "netns", "exec", "evil", "nft", "reset", "counter", "inet", "seen", "arrived").CombinedOutput()
	if err != nil {
		ts.Fatalf("cannot read the counter of evil: %v\n%s", err, out)
	}
	match := regexp.MustCompile(`packets (\d+) bytes`).FindSubmatch(out)
	if match == nil {
		ts.Fatalf("no counter in %s", out)
	}
	if (string(match[1]) == args[0]) == neg {
		ts.Fatalf("%s packets came to evil", match[1])
	}
}

// statrules NAME: remember all rules and sets of the kernel, without counters.
func cmdStatrules(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: statrules NAME")
	}
	rules, err := dumpRules()
	ts.Check(err)
	save(ts, args[0]+".rules", rules)
}

// samerules NAME: they are all as they were at statrules NAME; with !, not.
func cmdSamerules(ts *testscript.TestScript, neg bool, args []string) {
	compareRules(ts, neg, args, func(s string) string { return s })
}

// foreignrules NAME: those of others are as they were at statrules NAME, byte
// for byte and in order. Others' means neither bulwark's own nor those that
// dockerd has for one container.
func cmdForeignrules(ts *testscript.TestScript, neg bool, args []string) {
	compareRules(ts, neg, args, others)
}

// ownrules: the kernel holds something of bulwark's; with !, nothing.
func cmdOwnrules(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 {
		ts.Fatalf("usage: [!] ownrules")
	}
	rules, err := dumpRules()
	ts.Check(err)
	if regexp.MustCompile(`(?i)bulwark`).MatchString(rules) == neg {
		ts.Fatalf("rules:\n%s", rules)
	}
}

func compareRules(ts *testscript.TestScript, neg bool, args []string, part func(string) string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] (same|foreign)rules NAME")
	}
	now, err := dumpRules()
	ts.Check(err)
	diff := cmp.Diff(strings.Split(part(saved(ts, args[0]+".rules")), "\n"), strings.Split(part(now), "\n"))
	if (diff == "") == neg {
		ts.Fatalf("rules against %s:\n%s", args[0], diff)
	}
}

// dumpRules lists everything in netfilter: both variants of iptables, the
// tables of nft that are not iptables', and ipsets.
func dumpRules() (string, error) {
	var b strings.Builder
	for _, prog := range []string{"iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save"} {
		if err := dumpSave(&b, prog); err != nil {
			return "", err
		}
	}
	if err := dumpTables(&b); err != nil {
		return "", err
	}
	sets, err := output("ipset", "save", "-sorted")
	fmt.Fprintf(&b, "== ipset\n%s", sets)
	return b.String(), err
}

var (
	counters = regexp.MustCompile(`(?m)^#.*\n| \[\d+:\d+\]$`)
	// A table that holds nothing: iptables makes it and never removes it.
	emptyTable = regexp.MustCompile(`(?m)^\*\w+\n(:[A-Z]+ ACCEPT\n)*COMMIT\n`)
)

func dumpSave(b *strings.Builder, prog string) error {
	out, err := output(prog)
	out = emptyTable.ReplaceAllString(counters.ReplaceAllString(out, ""), "")
	fmt.Fprintf(b, "== %s\n%s", prog, out)
	return err
}

var iptablesTable = regexp.MustCompile(`^table ip6? (filter|nat|mangle|raw|security)$`)

func dumpTables(b *strings.Builder) error {
	list, err := output("nft", "list", "tables")
	for _, table := range strings.Split(strings.TrimSpace(list), "\n") {
		if table == "" || iptablesTable.MatchString(table) {
			continue
		}
		text, err := output("nft", append([]string{"-s", "list"}, strings.Fields(table)...)...)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "== %s", text)
	}
	return err
}

var (
	ownTable = regexp.MustCompile(`(?ms)^== table inet bulwark \{.*?^\}\n`)
	// dockerd's rules for one container: a hole for its port, DNAT to it, the
	// masquerade of one that calls itself; from 28 on a drop in raw.
	containerRule = regexp.MustCompile(`^-A DOCKER -d \S+/(32|128) |^-A DOCKER .*-j DNAT |` +
		`^-A POSTROUTING -s \S+/(32|128) -d \S+/(32|128) .*-j MASQUERADE$|` +
		`^-A PREROUTING -d \S+/(32|128) ! -i \S+ -j DROP$`)
)

func others(rules string) string {
	rules = ownTable.ReplaceAllString(rules, "")
	lines := strings.Split(rules, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.Contains(l, "BULWARK-") || strings.Contains(l, " bulwark-") ||
			containerRule.MatchString(l)
	})
	return emptyTable.ReplaceAllString(strings.Join(lines, "\n"), "")
}

// ownPart is what others leaves out of bulwark's.
func ownPart(rules string) string {
	own := ownTable.FindAllString(rules, -1)
	for _, l := range strings.Split(rules, "\n") {
		if strings.Contains(l, "BULWARK-") || strings.Contains(l, " bulwark-") {
			own = append(own, l)
		}
	}
	return strings.Join(own, "\n")
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &errs)
	}
	return string(out), nil
}

package firewall_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// docker makes what dockerd does before anything of bulwark, with an
// administrator's rules and sets beside it.
const docker = `
	for t in iptables-VARIANT ip6tables-VARIANT; do
		$t -N DOCKER-USER; $t -N DOCKER; $t -I FORWARD -j DOCKER-USER
		$t -A FORWARD -o docker0 -j DOCKER; $t -A DOCKER-USER -p tcp --dport 25 -j DROP
		$t -A DOCKER-USER -j RETURN; $t -A INPUT -p tcp --dport 22 -m comment --comment "theirs; not ours" -j ACCEPT
	done
	ipset create theirs hash:net; ipset add theirs 192.0.2.0/24
	nft add table inet theirs; nft 'add chain inet theirs c { type filter hook input priority 5; }'
	nft add rule inet theirs c tcp dport 23 drop`

func (b backend) docker(t *testing.T) {
	t.Helper()
	variant := b.variant
	if variant == "" {
		variant = resource.VariantNFT
	}
	scratch.Shell(t, strings.ReplaceAll(docker, "VARIANT", variant))
}

func load(t *testing.T, rules []resource.Ruleset) {
	t.Helper()
	if err := firewall.Load(context.Background(), rules, nil); err != nil {
		t.Fatal(err)
	}
	wantOwn(t, rules)
}

// TestLoad: rules come, change and go; what others have stays as it is.
func TestLoad(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		before := kernel(t)
		for _, n := range []int{0, 1, 5, 5, 0, 300} {
			load(t, b.rules(n))
		}
		load(t, nil)
		if after := kernel(t); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

// TestLoadIsIdempotent: rules that are there are not loaded again.
func TestLoadIsIdempotent(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		load(t, b.rules(1))
		before := scratch.Shell(t, "nft list ruleset; nft -a list ruleset; iptables-legacy-save -c; ip6tables-legacy-save -c")
		load(t, b.rules(1))
		after := scratch.Shell(t, "nft list ruleset; nft -a list ruleset; iptables-legacy-save -c; ip6tables-legacy-save -c")
		if cutTimes(after) != cutTimes(before) {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

func cutTimes(saved string) string {
	var kept []string
	for line := range strings.Lines(saved) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// TestMoves: rules move from any backend to any other and leave nothing.
func TestMoves(t *testing.T) {
	for _, from := range backends {
		for _, to := range backends {
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				scratch.Netns(t)
				load(t, from.rules(1))
				load(t, to.rules(1))
			})
		}
	}
}

// TestRepairs: whatever somebody does to bulwark's rules, the next load puts
// it right.
func TestRepairs(t *testing.T) {
	damage := map[string][]string{
		resource.BackendIPTables: {
			"XT -F BULWARK-OUT", "XT -F DOCKER-USER", "XT -I BULWARK-OUT -j ACCEPT",
			"XT -I DOCKER-USER -j ACCEPT", "XT -A DOCKER-USER -j BULWARK-EGRESS", "XT -I DOCKER-USER 2 -j BULWARK-EGRESS",
			"XT -F; XT -X", "XT -N BULWARK-MORE; XT -A BULWARK-EGRESS -j BULWARK-MORE",
			"XT -D DOCKER-USER -j BULWARK-EGRESS", "XT -A FORWARD -j BULWARK-OUT",
			"ipset flush SET", "ipset create bulwark-4-stray hash:net",
			"XT -F BULWARK-OUT; sleep 0.1; ipset destroy SET",
		},
		resource.BackendNFTables: {
			"nft flush chain inet bulwark out", "nft delete table inet bulwark", "nft flush table inet bulwark",
			"nft insert rule inet bulwark out accept", "nft flush set inet bulwark SET",
			"nft add chain inet bulwark more", "nft add set inet bulwark bulwark-4-stray '{ type ipv4_addr; flags interval; }'",
			"nft flush ruleset",
		},
	}
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		rules := b.rules(1)
		load(t, rules)
		for _, script := range damage[b.name] {
			for i, xt := range []string{"iptables-" + b.variant, "ip6tables-" + b.variant} {
				sets := rules[0].Tables[0].Sets
				if len(rules[0].Tables) > 1 {
					sets = rules[0].Tables[i].Sets
				}
				scratch.Shell(t, strings.NewReplacer("XT", xt, "SET", sets[len(sets)*i/2].Name).Replace(script))
				if ruleset.Same(rules, own(t)) {
					t.Errorf("not seen: %s (%s)", script, xt)
				}
				load(t, rules)
			}
		}
	})
}

// TestTogetherWithOthers: others add rules at the same time, and none is lost.
func TestTogetherWithOthers(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		xt := "iptables-" + b.variant
		if b.variant == "" {
			xt = "iptables-nft"
		}
		const theirs = 300
		// a shell that was started from this thread has its namespace
		script := fmt.Sprintf(`for i in $(seq %d); do %s --wait 10 -A DOCKER-USER -s 10.0.$((i / 200)).$((i %% 200)) -j DROP; done`, theirs, xt)
		cmd := exec.Command("sh", "-ec", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		ended := make(chan error, 1)
		wg.Go(func() { ended <- cmd.Wait() })
		loads := 0
		for running := true; running; loads++ {
			select {
			case err := <-ended:
				running = false
				if err != nil {
					t.Errorf("their rules: %v", err)
				}
			default:
			}
			if err := firewall.Load(context.Background(), b.rules(loads%7), nil); err != nil {
				t.Fatal(err)
			}
		}
		wg.Wait()
		if n := strings.Count(scratch.Shell(t, xt+"-save"), "-A DOCKER-USER -s 10.0."); n != theirs {
			t.Errorf("%d of %d rules are left", n, theirs)
		}
		wantOwn(t, b.rules((loads-1)%7))
		t.Logf("%d loads beside %d rules", loads, theirs)
	})
}

// TestTwoLoads: an apply and the loader at the same time do not break each
// other, nor somebody who looks; what is there in the end is all of one.
func TestTwoLoads(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		b.docker(t)
		var ended atomic.Int64
		const each = 8
		join := enterNetns(t)
		for who := range 2 {
			go func() {
				defer ended.Add(1)
				if err := join(); err != nil {
					t.Error(err)
					return
				}
				for i := range each {
					if err := firewall.Load(context.Background(), b.rules(who+2*(i%2)), nil); err != nil {
						t.Errorf("%d: %v", who, err)
					}
				}
			}()
		}
		for ended.Load() < 2 {
			own(t) // a look at any moment is no error
		}
		got := own(t)
		if a, b := b.rules(2*((each-1)%2)), b.rules(1+2*((each-1)%2)); !ruleset.Same(a, got) && !ruleset.Same(b, got) {
			t.Errorf("a mixture:\n%s", ruleset.Text(got))
		}
	})
}

// enterNetns returns what takes another goroutine into this test's namespace,
// for good.
func enterNetns(t *testing.T) func() error {
	t.Helper()
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return func() error {
		runtime.LockOSThread()
		return unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
	}
}

// TestLoadBesideNative: a table that iptables cannot show is left as it is, by a
// load that wants it and by one that does not.
func TestLoadBesideNative(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		scratch.Shell(t, `iptables-nft -N DOCKER-USER; iptables-nft -A DOCKER-USER -p tcp --dport 25 -j DROP; nft add rule ip filter DOCKER-USER ct expiration 5s drop`)
		before := scratch.Shell(t, "nft list table ip filter")
		err := firewall.Load(context.Background(), b.rules(1), nil)
		if (err != nil) != (b.variant == resource.VariantNFT) {
			t.Errorf("got %v", err)
		}
		if err := firewall.Load(context.Background(), nil, nil); err != nil {
			t.Error(err)
		}
		if after := scratch.Shell(t, "nft list table ip filter"); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

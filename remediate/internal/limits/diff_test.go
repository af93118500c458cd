package limits_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const mib = 1 << 20

// host has 4 CPUs, all limits, and containers that run and have none.
func host(names ...string) *resource.Snapshot {
	s := &resource.Snapshot{
		Engine: resource.Known(resource.Engine{
			CPUs: 4, CgroupDriver: "systemd", Limits: &resource.LimitSupport{Memory: true, Swap: true, Pids: true, CPUs: true},
		}),
		Usage: resource.Known(map[string]resource.Usage{}),
	}
	var all []resource.Container
	for _, n := range names {
		all = append(all, resource.Container{ID: "id-" + n, Name: n, Image: "shop/" + n + ":1", State: "running", PID: 7, RestartPolicy: "no"})
		s.Usage.Value["id-"+n] = resource.Usage{Memory: 50 * mib, Pids: 3}
	}
	s.Containers = resource.Known(all)
	return s
}

// web is a host with one container, altered.
func web(alter func(*resource.Container)) *resource.Snapshot {
	s := host("web")
	alter(&s.Containers.Value[0])
	return s
}

func engine(s *resource.Snapshot, alter func(*resource.Engine)) *resource.Snapshot {
	alter(&s.Engine.Value)
	return s
}

func rules(r ...limits.Rule) *limits.Want { return &limits.Want{Apply: true, Rules: r} }

func judged(w *limits.Want) *limits.Want { w.Apply = false; return w }

// outcome is a result in one line for each control, operation and impact.
func outcome(r resource.Result) string {
	var b strings.Builder
	for _, c := range r.Controls {
		fmt.Fprintf(&b, "%s %s", c.ID, c.Status)
		if c.Reason != "" {
			fmt.Fprintf(&b, ": %s", c.Reason)
		}
		if c.Remedy != "" {
			fmt.Fprintf(&b, " (%s)", c.Remedy)
		}
		b.WriteByte('\n')
	}
	for _, o := range r.Operations {
		fmt.Fprintf(&b, "~ %s %s\n", o.Target, strings.Join(o.Controls, ","))
	}
	for _, i := range r.Impacts {
		words := strings.Fields(i.Text)
		fmt.Fprintf(&b, "%s: %s... %s\n", i.Level, strings.Join(words[:min(5, len(words))], " "), strings.Join(i.Subjects, ","))
	}
	return b.String()
}

func TestDiff(t *testing.T) {
	memory := limits.Rule{Memory: "256m"}
	const taken = "warning: Docker cannot take a memory... web\n"
	for name, c := range map[string]struct {
		want *limits.Want
		s    *resource.Snapshot
		out  string
	}{
		"not managed": {nil, host("web"), ""},
		"no rules":    {rules(), host("web"), "limits manual: limits.rules holds no limit: containers are not judged\n"},
		"daemon down": {
			rules(memory, limits.Rule{Pids: 5}), &resource.Snapshot{Containers: resource.Unknown[[]resource.Container]("docker.service is inactive")},
			"limits-memory unknown: docker.service is inactive\nlimits-pids unknown: docker.service is inactive\n",
		},
		"older snapshot": {
			rules(memory), engine(host("web"), func(e *resource.Engine) { e.Limits = nil }),
			"limits-memory unknown: the snapshot does not hold the limits of containers: it was made by an older bulwark\n",
		},
		"no containers": {rules(memory), host(), "limits-memory ok\n"},
		"no match":      {rules(limits.Rule{Container: "db", Memory: "256m"}), host("web"), "limits-memory ok\n"},
		"memory": {
			rules(memory), host("web"),
			"limits-memory change: web has memory none, and should have memory 256 MiB (with swap 512 MiB)\n~ container web limits-memory\n" + taken,
		},
		"memory holds": {rules(memory), web(func(c *resource.Container) { c.Spec.Memory, c.Spec.MemorySwap = 256*mib, -1 }), "limits-memory ok\n"},
		"swap differs": {
			rules(limits.Rule{Memory: "256m", MemorySwap: "256m"}), web(func(c *resource.Container) { c.Spec.Memory, c.Spec.MemorySwap = 256*mib, 512*mib }),
			"limits-memory change: web has memory 256 MiB (with swap 512 MiB), and should have memory 256 MiB (with swap 256 MiB)\n~ container web limits-memory\n",
		},
		"swap unlimited": {
			rules(limits.Rule{Memory: "256m", MemorySwap: "-1"}), web(func(c *resource.Container) { c.Spec.Memory, c.Spec.MemorySwap = 256*mib, 512*mib }),
			"limits-memory change: web has memory 256 MiB (with swap 512 MiB), and should have memory 256 MiB (with swap unlimited)\n~ container web limits-memory\n",
		},
		"only judged": {
			judged(rules(memory)), host("web"),
			"limits-memory manual: web has memory none, and should have memory 256 MiB (with swap 512 MiB) (limits.apply: true lets apply set it; docker update --memory 256m --memory-swap 512m web)\n",
		},
		"only judged, holds": {judged(rules(memory)), web(func(c *resource.Container) { c.Spec.Memory = 256 * mib }), "limits-memory ok\n"},
		"too little": {
			rules(limits.Rule{Memory: "6000k"}), host("web"),
			"limits-memory blocked: web cannot have memory 6000 KiB (with swap 12000 KiB): Docker gives no container less than 6 MiB (write a higher limit)\n",
		},
		"in use": {
			rules(limits.Rule{Memory: "49m", Pids: 200}), host("web"),
			"limits-memory blocked: web cannot have memory 49 MiB (with swap 98 MiB): it uses 50 MiB now, and would be killed (apply while it is stopped, or write a higher limit)\n" +
				"limits-pids change: web has pids none, and should have pids 200\n~ container web limits-pids\n",
		},
		"in use, stopped": {
			rules(limits.Rule{Memory: "49m"}), web(func(c *resource.Container) { c.State, c.PID = "exited", 0 }),
			"limits-memory change: web has memory none, and should have memory 49 MiB (with swap 98 MiB)\n~ container web limits-memory\n" + taken,
		},
		"use unknown": {
			rules(memory), func() *resource.Snapshot { s := host("web"); s.Usage.Value = nil; return s }(),
			"limits-memory change: web has memory none, and should have memory 256 MiB (with swap 512 MiB)\n~ container web limits-memory\n" + taken + "warning: what they use now could... web\n",
		},
		"no swap accounting": {
			rules(limits.Rule{Memory: "256m", MemorySwap: "512m"}), engine(host("web"), func(e *resource.Engine) { e.Limits.Swap = false }),
			"limits-memory blocked: web cannot have memory 256 MiB (with swap 512 MiB): the kernel does not count the swap of containers (boot with swapaccount=1, or leave memory-swap out)\n",
		},
		"no swap accounting, no swap": {
			rules(memory), engine(host("web"), func(e *resource.Engine) { e.Limits.Swap = false }),
			"limits-memory change: web has memory none, and should have memory 256 MiB (with swap unlimited)\n~ container web limits-memory\n" + taken,
		},
		"swap below memory": {
			rules(limits.Rule{Memory: "256m", MemorySwap: "64m"}), host("web"),
			"limits-memory blocked: web cannot have memory 256 MiB (with swap 64 MiB): memory-swap counts memory too, and would be lower (write a higher memory-swap)\n",
		},
		"rootless": {
			rules(limits.Rule{Memory: "256m", Pids: 5, CPUs: 1}), engine(host("web"), func(e *resource.Engine) { e.CgroupDriver, e.Limits = "none", &resource.LimitSupport{} }),
			"limits-memory blocked: web cannot have memory 256 MiB (with swap unlimited): this daemon has no cgroups (rootless): it limits nothing (see the warnings of docker info)\n" +
				"limits-pids blocked: web cannot have pids 5: this daemon has no cgroups (rootless): it limits nothing (see the warnings of docker info)\n" +
				"limits-cpus blocked: web cannot have cpus 1: this daemon has no cgroups (rootless): it limits nothing (see the warnings of docker info)\n",
		},
		"swarm": {
			rules(limits.Rule{Pids: 5}), web(func(c *resource.Container) { c.Labels = map[string]string{"com.docker.swarm.task.id": "x"} }),
			"limits-pids blocked: web cannot have pids 5: it is a task of a swarm service (docker service update sets the limits of a service)\n",
		},
		"fewer pids than now": {
			rules(limits.Rule{Pids: 2}), host("web"),
			"limits-pids change: web has pids none, and should have pids 2\n~ container web limits-pids\nwarning: they have more processes and... web\n",
		},
		"pids hold": {rules(limits.Rule{Pids: 200}), web(func(c *resource.Container) { c.Spec.Pids = 200 }), "limits-pids ok\n"},
		"cpus": {
			rules(limits.Rule{CPUs: 1.5}), host("web"),
			"limits-cpus change: web has cpus none, and should have cpus 1.5\n~ container web limits-cpus\nwarning: Docker cannot take a limit... web\n",
		},
		"cpus hold":            {rules(limits.Rule{CPUs: 1.5}), web(func(c *resource.Container) { c.Spec.NanoCPUs = 1_500_000_000 }), "limits-cpus ok\n"},
		"cpus hold by a quota": {rules(limits.Rule{CPUs: 0.5}), web(func(c *resource.Container) { c.Spec.CPUQuota = 50_000 }), "limits-cpus ok\n"},
		"cpus of a quota": {
			rules(limits.Rule{CPUs: 1.5}), web(func(c *resource.Container) { c.Spec.CPUQuota, c.Spec.CPUPeriod = 50_000, 100_000 }),
			"limits-cpus blocked: web cannot have cpus 1.5: it was given --cpu-quota or --cpu-period, beside which Docker takes no number of CPUs (make it anew with --cpus)\n",
		},
		"cpus that a quota undoes": {
			rules(limits.Rule{CPUs: 1.5}), web(func(c *resource.Container) { c.Spec.NanoCPUs, c.Spec.CPUQuota = 1_500_000_000, -1 }),
			"limits-cpus blocked: web cannot have cpus 1.5: it was given --cpu-quota or --cpu-period, beside which Docker takes no number of CPUs (make it anew with --cpus)\n",
		},
		"more cpus than there are": {
			rules(limits.Rule{CPUs: 4.5}), host("web"),
			"limits-cpus blocked: web cannot have cpus 4.5: the host has 4 CPUs (write a lower limit)\n",
		},
		"restart": {
			rules(limits.Rule{Restart: "on-failure:5"}), host("web"),
			"limits-restart change: web has restart no, and should have restart on-failure:5\n~ container web limits-restart\n",
		},
		"restart holds":             {rules(limits.Rule{Restart: "on-failure:5"}), web(func(c *resource.Container) { c.RestartPolicy, c.Spec.RestartMax = "on-failure", 5 }), "limits-restart ok\n"},
		"restart as the API has it": {rules(limits.Rule{Restart: "no"}), web(func(c *resource.Container) { c.RestartPolicy = "" }), "limits-restart ok\n"},
		"restart of a stopped one": {
			rules(limits.Rule{Restart: "always"}), web(func(c *resource.Container) { c.State = "exited" }),
			"limits-restart change: web has restart no, and should have restart always\n~ container web limits-restart\nwarning: they do not run, and... web\n",
		},
		"restart of --rm": {
			rules(limits.Rule{Restart: "always"}), web(func(c *resource.Container) { c.AutoRemove = true }),
			"limits-restart blocked: web cannot have restart always: it is removed when it ends (--rm), and Docker gives such a container no restart policy (make it anew without --rm)\n",
		},
		"being removed": {rules(memory), web(func(c *resource.Container) { c.State = "removing" }), "limits-memory ok\n"},
		"first rule holds": {
			rules(limits.Rule{Container: "we*", Pids: 5}, limits.Rule{Pids: 9, CPUs: 1}), host("db", "web"),
			"limits-pids change: db has pids none, and should have pids 9; web has pids none, and should have pids 5\n" +
				"limits-cpus change: db has cpus none, and should have cpus 1\n~ container db limits-pids,limits-cpus\n~ container web limits-pids\nwarning: Docker cannot take a limit... db\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcome((limits.Kind{}).Diff(c.want, c.s)); got != c.out {
				t.Errorf("got\n%s\nwant\n%s", got, c.out)
			}
		})
	}
}

// A sentence names a few of many.
func TestDiffOfMany(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	r := limits.Kind{}.Diff(rules(limits.Rule{Pids: 5}), host(names...))
	if len(r.Operations) != 7 || !strings.HasSuffix(r.Controls[0].Reason, "e has pids none, and should have pids 5; and 2 more") {
		t.Errorf("%d operations, %s", len(r.Operations), r.Controls[0].Reason)
	}
}

// The limits that a plan wants are those after which it wants nothing.
func TestDiffIsQuietAfterwards(t *testing.T) {
	w := rules(limits.Rule{Memory: "256m", Pids: 9, CPUs: 0.01, Restart: "unless-stopped"})
	s := host("web")
	r := limits.Kind{}.Diff(w, s)
	var p limits.Payload
	if err := json.Unmarshal(r.Operations[0].Payload, &p); err != nil {
		t.Fatal(err)
	}
	c := &s.Containers.Value[0]
	c.Spec.Memory, c.Spec.MemorySwap, c.Spec.NanoCPUs, c.Spec.Pids = p.After.Memory, p.After.MemorySwap, p.After.NanoCPUs, p.After.Pids
	c.RestartPolicy, c.Spec.RestartMax = p.After.Restart, p.After.RestartMax
	again := limits.Kind{}.Diff(w, s)
	if len(again.Operations) > 0 || slices.ContainsFunc(again.Controls, func(c resource.ControlResult) bool { return c.Status != resource.OK }) {
		t.Errorf("%s", outcome(again))
	}
	if want := "memory       256 MiB\nmemory-swap  512 MiB\npids         9\ncpus         0.01\nrestart      unless-stopped\n"; r.Operations[0].New != want {
		t.Errorf("new\n%s", r.Operations[0].New)
	}
	if want := "memory       none\nmemory-swap  none\npids         none\ncpus         none\nrestart      no\n"; r.Operations[0].Old != want {
		t.Errorf("old\n%s", r.Operations[0].Old)
	}
}

func TestMatch(t *testing.T) {
	c := resource.Container{ID: "id", Name: "web-1", Image: "shop/web:2", State: "running", Labels: map[string]string{"tier": "front", "empty": ""}}
	for _, m := range []struct {
		rule limits.Rule
		fits bool
	}{
		{limits.Rule{}, true},
		{limits.Rule{Container: "web-1"}, true},
		{limits.Rule{Container: "web"}, false},
		{limits.Rule{Container: "*"}, true},
		{limits.Rule{Container: "w*b*1"}, true},
		{limits.Rule{Container: "web-1*1"}, false},
		{limits.Rule{Container: "*eb*x*"}, false},
		{limits.Rule{Container: "WEB*"}, false},
		{limits.Rule{Image: "shop/*"}, true},
		{limits.Rule{Image: "*:3"}, false},
		{limits.Rule{Label: "tier"}, true},
		{limits.Rule{Label: "tier=front"}, true},
		{limits.Rule{Label: "tier=back"}, false},
		{limits.Rule{Label: "empty"}, true},
		{limits.Rule{Label: "empty="}, true},
		{limits.Rule{Label: "none"}, false},
		{limits.Rule{Container: "web*", Image: "shop/*", Label: "tier=back"}, false},
	} {
		s := host()
		s.Containers.Value = []resource.Container{c}
		m.rule.Pids = 1
		if got := len((limits.Kind{}).Diff(rules(m.rule), s).Operations) == 1; got != m.fits {
			t.Errorf("%+v: %v", m.rule, got)
		}
	}
}

// The payload tells of a container whose restart policy changes whether it is to
// be started again, were a boot to come in between; and where it lies.
func TestPayloadOfWhatRuns(t *testing.T) {
	for name, c := range map[string]struct {
		rule  limits.Rule
		alter func(*resource.Container)
		ran   bool
	}{
		"runs":         {limits.Rule{Restart: "always"}, func(*resource.Container) {}, true},
		"restarts":     {limits.Rule{Restart: "always"}, func(c *resource.Container) { c.PID, c.State = 0, "restarting" }, true},
		"stopped":      {limits.Rule{Restart: "always"}, func(c *resource.Container) { c.PID, c.State = 0, "exited" }, false},
		"other limits": {limits.Rule{Pids: 9}, func(*resource.Container) {}, false},
	} {
		s := engine(web(c.alter), func(e *resource.Engine) { e.RootDir = "/data" })
		r := limits.Kind{}.Diff(rules(c.rule), s)
		var p limits.Payload
		if err := json.Unmarshal(r.Operations[0].Payload, &p); err != nil || p.Ran != c.ran || p.Root != "/data" {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

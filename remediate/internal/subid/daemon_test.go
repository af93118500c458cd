package subid_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestDiffDaemonTooOldForLine: dockerd to 27 gives up on a whole file.
func TestDiffDaemonTooOldForLine(t *testing.T) {
	h := remap("dockremap:131072:65536\n# a: comment\n\nbob:5\n", "dockremap:131072:65536\n")
	for version, want := range map[string]resource.Status{
		"20.10.24+dfsg1": resource.Blocked, "27.5.1": resource.Blocked, "28.0.0": resource.OK, "29.7.2": resource.OK, "": resource.Blocked,
	} {
		s := h.snapshot()
		s.Binary = resource.Known(resource.Binary{Version: version})
		got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
		status(t, got, want)
		if r := got.Controls[0].Reason; want == resource.Blocked && !strings.HasPrefix(r, "/etc/subuid:4: 2 fields") {
			t.Errorf("%q: %s", version, r)
		}
	}
}

// TestDiffOldestDaemonCounts: the running dockerd may be older than the one on
// disk, or newer.
func TestDiffOldestDaemonCounts(t *testing.T) {
	want := &subid.Want{Control: "userns-remap"}
	for _, v := range [][2]string{{"27.5.1", "29.7.2"}, {"29.7.2", "27.5.1"}} {
		s := remap("dockremap:131072:65536\nbob:5\n", "dockremap:131072:65536\n").snapshot()
		s.Engine = resource.Known(resource.Engine{Version: v[0]})
		s.Binary = resource.Known(resource.Binary{Version: v[1]})
		status(t, subid.Kind{}.Diff(want, s), resource.Blocked)

		s = remap("dockremap:131072:65536\n", "dockremap:131072:65536\n").snapshot()
		s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"features":{"containerd-snapshotter":true}}`)})
		s.Engine = resource.Known(resource.Engine{Version: v[0]})
		s.Binary = resource.Known(resource.Binary{Version: v[1]})
		status(t, subid.Kind{}.Diff(want, s), resource.Blocked)
	}
	s := remap("dockremap:5\n", "").snapshot()
	s.Binary = resource.Known(resource.Binary{Version: "20.10.24"})
	status(t, subid.Kind{}.Diff(want, s), resource.Changing)
}

// TestDiffOfDaemonRemappedToAnother may repair at will: no data is at stake.
func TestDiffOfDaemonRemappedToAnother(t *testing.T) {
	s := live(remap("dockremap:400000:65536\n", "dockremap:300000:65536\n").snapshot(), "29.7.2", "700000.700000")
	s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"userns-remap":"alice"}`)})
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
	if status(t, got, resource.Changing); got.Service.Action != resource.NoAction || len(got.Impacts) > 0 {
		t.Errorf("%+v, %+v", got.Service, got.Impacts)
	}
}

func TestDiffContainerdSnapshotter(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name, json, binary string
		policy             *bool
		want               resource.Status
	}{
		{"explicit", `{"features":{"containerd-snapshotter":true}}`, "29.0.0", nil, resource.Blocked},
		{"explicit, version not known", `{"features":{"containerd-snapshotter":true}}`, "", nil, resource.Blocked},
		{"explicit, older", `{"features":{"containerd-snapshotter":true}}`, "28.5.2", nil, resource.OK},
		{"off", `{"features":{"containerd-snapshotter":false}}`, "29.0.0", nil, resource.OK},
		{"policy turns it off", `{"features":{"containerd-snapshotter":true}}`, "29.0.0", &no, resource.OK},
		{"policy turns it on", `{}`, "29.0.0", &yes, resource.Blocked},
		{"not valid", `{`, "29.0.0", nil, resource.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := remap("dockremap:131072:65536\n", "dockremap:131072:65536\n").snapshot()
			s.DaemonJSON = resource.Known(resource.File{Content: []byte(c.json)})
			s.Binary = resource.Known(resource.Binary{Version: c.binary})
			got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap", ContainerdSnapshotter: c.policy}, s)
			status(t, got, c.want)
		})
	}
}

// TestDiffOfDaemonInUse is about ranges that data of containers belongs to.
func TestDiffOfDaemonInUse(t *testing.T) {
	line := func(r string) string { return "dockremap:" + r + "\n" }
	for _, c := range []struct {
		name, subuid, subgid, root string
		want                       subid.Want
		status                     resource.Status
		start                      string // of the new lines
		moves                      bool
	}{
		{"safe", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{}, resource.OK, "", false},
		{"grows in place", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{Size: 100000}, resource.Changing, "100000:100000", false},
		{"cannot grow", line("100000:65536") + "bob:165536:1\n", line("100000:65536"), "100000.100000", subid.Want{Size: 100000}, resource.Manual, "", false},
		{"edited since the start", line("900000:65536"), line("900000:65536"), "100000.100000", subid.Want{}, resource.Manual, "", false},
		{"different start", line("400000:65536"), line("300000:65536"), "400000.300000", subid.Want{}, resource.Manual, "", false},
		{"overlap", "bob:100000:65536\n" + line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{}, resource.Changing, "196608:65536", true},
		{"policy's start", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{Start: at(262144)}, resource.Changing, "262144:65536", true},
		{"lines lost, place free", "", "", "300000.300000", subid.Want{}, resource.Changing, "300000:65536", false},
		{"lines lost, unequal place", "", "", "300000.400000", subid.Want{}, resource.Changing, "131072:65536", true},
		{"lines lost, place taken", "bob:300000:65536\n", "", "300000.300000", subid.Want{}, resource.Changing, "393216:65536", true},
		{"uid-keyed lines win up to 27", line("100000:65536") + "995:200000:65536\n", line("100000:65536") + "995:200000:65536\n", "200000.200000", subid.Want{}, resource.Manual, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := remap(c.subuid, c.subgid)
			s := live(h.snapshot(), "20.10.24", c.root)
			s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)})
			c.want.Control = "userns-remap"
			got := subid.Kind{}.Diff(&c.want, s)
			status(t, got, c.status)
			for _, l := range got.Changes {
				if d := cmp.Diff([]string{"dockremap:" + c.start}, l.Lines.Add); d != "" {
					t.Error(d)
				}
			}
			if (got.Service.Action == resource.Restart) != (c.status == resource.Changing) {
				t.Errorf("service %+v", got.Service)
			}
			if got.Service.DataRootMoves != c.moves || got.Service.StopContainers != c.moves || (len(got.Impacts) == 1) != c.moves {
				t.Errorf("moves %v: %+v, %+v", c.moves, got.Service, got.Impacts)
			}
			if c.status == resource.Manual && got.Controls[0].Remedy == "" {
				t.Error("no remedy")
			}
		})
	}
}

// TestDiffOfStoppedDaemon: without a daemon to ask, its configuration tells
// whether data belongs to the ranges.
func TestDiffOfStoppedDaemon(t *testing.T) {
	for name, c := range map[string]struct {
		json resource.Fact[resource.File]
		flag string
		want resource.Status
	}{
		"not remapped":     {resource.Known(resource.File{Content: []byte(`{}`)}), "", resource.Changing},
		"another account":  {resource.Known(resource.File{Content: []byte(`{"userns-remap":"alice"}`)}), "", resource.Changing},
		"remapped":         {resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)}), "", resource.Manual},
		"remapped by uid":  {resource.Known(resource.File{Content: []byte(`{"userns-remap":"995:995"}`)}), "", resource.Manual},
		"remapped by flag": {resource.Known(resource.File{}), "dockremap", resource.Manual},
		"lines lost":       {resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)}), "", resource.Changing},
		"cannot tell":      {resource.Unknown[resource.File]("needs root"), "", resource.Manual},
	} {
		t.Run(name, func(t *testing.T) {
			s := remap("dockremap:400000:65536\n", "dockremap:300000:65536\n").snapshot()
			if name == "lines lost" {
				s = remap("", "").snapshot()
			}
			s.DaemonJSON = c.json
			if c.flag != "" {
				s.Flags = resource.Known([]resource.Flag{{Name: "userns-remap", Value: c.flag}})
			}
			got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
			if status(t, got, c.want); got.Service.DataRootMoves {
				t.Errorf("%+v", got.Service)
			}
		})
	}
}

// TestOverlapsAreShort: a range at 0 meets every account of the host, and is
// named once for each file. The daemon took it and stays without user
// namespaces, so only a restart brings the new one into effect.
func TestOverlapsAreShort(t *testing.T) {
	h := remap("dockremap:0:65536\n", "dockremap:0:65536\n")
	s := h.snapshot()
	s.Engine = resource.Known(resource.Engine{Version: "20.10.24", RootDir: "/var/lib/docker/0.0"})
	s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"userns-remap":"dockremap"}`)})
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
	status(t, got, resource.Changing)
	if r := got.Controls[0].Reason; strings.Count(r, "overlaps") != 2 || !strings.Contains(r, " more") {
		t.Error(r)
	}
	if got.Service.Action != resource.Restart || !got.Service.DataRootMoves {
		t.Errorf("%+v, want a restart", got.Service)
	}
}

// TestMoved: ranges that were edited after the start turn any restart into a
// move of the data root.
func TestMoved(t *testing.T) {
	const now, later = "dockremap:100000:65536\n", "dockremap:900000:65536\n"
	for _, tc := range []struct {
		name, subuid, json, root string
		want                     bool
	}{
		{"as it runs", now, `{"userns-remap":"default"}`, "100000.100000", false},
		{"edited", later, `{"userns-remap":"default"}`, "100000.100000", true},
		{"not remapped", later, `{}`, "", false},
	} {
		s := remap(tc.subuid, tc.subuid).snapshot()
		s.Engine = resource.Known(resource.Engine{Version: "28.0.0", RootDir: "/var/lib/docker"})
		if tc.root != "" {
			s = live(s, "28.0.0", tc.root)
		}
		s.DaemonJSON = resource.Known(resource.File{Content: []byte(tc.json)})
		if got := subid.Moved(s); (got != "") != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

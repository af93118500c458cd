package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// limiter answers by path; what it does not know is not found.
func limiter(t *testing.T, answers map[string]string, asked func(path, body string)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		var body json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&body)
		asked(r.URL.Path, string(body))
		for suffix, answer := range answers {
			if strings.HasSuffix(r.URL.Path, suffix) {
				_, _ = w.Write([]byte(answer))
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message": "No such container"}`))
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "unix://" + path
}

// What a container uses leaves out the page cache of files, by either version
// of cgroups; one that cannot be asked is left out.
func TestUsage(t *testing.T) {
	address := limiter(t, map[string]string{
		"/one/stats":    `{"memory_stats": {"usage": 1000, "stats": {"active_file": 1, "total_active_file": 100, "total_inactive_file": 200}}, "pids_stats": {"current": 3}}`,
		"/two/stats":    `{"memory_stats": {"usage": 1000, "stats": {"active_file": 300, "inactive_file": 900}}}`,
		"/silent/stats": `{}`,
		"/odd/stats":    `[`,
		"/huge/stats":   `{"memory_stats": {"usage": 18446744073709551615}}`,
	}, func(string, string) {})
	r := host.NewReader("/", nil, address)
	var all []resource.Container
	for _, id := range []string{"one", "two", "silent", "odd", "huge", "gone"} {
		all = append(all, resource.Container{ID: id, State: "running"})
	}
	all = append(all, resource.Container{ID: "one-stopped", State: "exited"})
	want := map[string]resource.Usage{"one": {Memory: 700, Pids: 3}, "two": {Memory: 1}, "silent": {}, "huge": {Memory: 1 << 62}}
	if got := r.Usage(context.Background(), all); !maps.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := host.NewReader("/", nil, "unix:///nonexistent/s").Usage(context.Background(), all); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

// What is not to be changed is sent as the zero that the API leaves alone.
func TestUpdateLimits(t *testing.T) {
	var sent map[string]any
	address := limiter(t, map[string]string{"/here/update": `{"Warnings": ["one"]}`}, func(path, body string) {
		if strings.HasSuffix(path, "/update") {
			_ = json.Unmarshal([]byte(body), &sent)
		}
	})
	d, err := host.OpenDocker(address)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	zero := int64(0)
	warnings, err := d.UpdateLimits(context.Background(), "here", resource.LimitsUpdate{Memory: 7, MemorySwap: -1, Pids: &zero})
	if err != nil || len(warnings) != 1 || sent["Memory"] != 7.0 || sent["MemorySwap"] != -1.0 || sent["PidsLimit"] != 0.0 || sent["NanoCpus"] != 0.0 {
		t.Errorf("%v %v %v", warnings, err, sent)
	}
	if p, _ := sent["RestartPolicy"].(map[string]any); p["Name"] != "" {
		t.Errorf("%v", sent)
	}
	if _, err := d.UpdateLimits(context.Background(), "here", resource.LimitsUpdate{Restart: "on-failure", RestartMax: 5}); err != nil || sent["PidsLimit"] != nil {
		t.Errorf("%v %v", err, sent)
	}
	if _, err := d.UpdateLimits(context.Background(), "gone", resource.LimitsUpdate{}); !errors.Is(err, host.ErrContainerGone) {
		t.Errorf("%v", err)
	}
}

// A container's limits are told in one spelling.
func TestContainerLimits(t *testing.T) {
	address := limiter(t, map[string]string{
		"/full/json": `{"Id": "full", "Name": "/full", "HostConfig": {"Memory": 7, "MemorySwap": -1, "NanoCpus": 5, "CpuQuota": 3, "CpuPeriod": 2, "PidsLimit": 9, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4}}}`,
		"/bare/json": `{"Id": "bare", "Name": "/bare", "HostConfig": {"PidsLimit": -1, "RestartPolicy": {"Name": ""}}}`,
	}, func(string, string) {})
	d, err := host.OpenDocker(address)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	full, exists, err := d.Container(context.Background(), "full")
	want := resource.ContainerLimits{Memory: 7, MemorySwap: -1, NanoCPUs: 5, Pids: 9, Restart: "on-failure", RestartMax: 4}
	if !exists || err != nil || full.Limits() != want || full.Spec.CPUQuota != 3 || full.Spec.CPUPeriod != 2 {
		t.Errorf("%+v %v", full, err)
	}
	if bare, exists, err := d.Container(context.Background(), "bare"); !exists || err != nil || bare.Limits() != (resource.ContainerLimits{Restart: "no"}) {
		t.Errorf("%+v %v", bare, err)
	}
	if _, exists, err := d.Container(context.Background(), "gone"); exists || err != nil {
		t.Errorf("%v %v", exists, err)
	}
}

// A container that is gone, and a journal that does not tell where it was, have
// nothing to make durable; what cannot be is an error.
func TestSyncContainer(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "containers", "here"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "containers", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{root, "here"}, {root, "gone"}, {"", "here"}} {
		if err := host.SyncContainer(c[0], c[1]); err != nil {
			t.Errorf("%q: %v", c, err)
		}
	}
	if err := host.SyncContainer(root, "file"); err == nil {
		t.Error("no error")
	}
}

package containers_test

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A daemon is one container of dockerd's, updated by moby's rules
// (daemon/container/container_unix.go UpdateContainer).
type daemon struct {
	sync.Mutex
	config    map[string]any // HostConfig
	gone      bool
	pid       int
	usage     int64
	updates   []map[string]any
	refuse    string      // what every update is refused with
	dies      func(n int) // is called after the nth update was made
	discards  bool        // updates are taken and dropped, with a warning
	started   int         // how often it was asked to start the container
	lostAfter int         // the container is removed after so many updates; 0 never
	address   string
	// refuseStart: the container cannot be started.
	refuseStart bool
}

func newDaemon(t *testing.T, config map[string]any) *daemon {
	t.Helper()
	d := &daemon{config: config, pid: 7}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d.address = "unix://" + path
	srv := &http.Server{Handler: d}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return d
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Lock()
	defer d.Unlock()
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/_ping") {
		return
	}
	if d.gone {
		fail(w, http.StatusNotFound, "No such container: id")
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/stats"):
		answer(w, map[string]any{"memory_stats": map[string]any{"usage": d.usage + 100, "stats": map[string]any{"inactive_file": 60, "active_file": 40}}})
	case strings.HasSuffix(r.URL.Path, "/start"):
		if d.started++; d.refuseStart {
			fail(w, http.StatusInternalServerError, "no such device")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/update"):
		d.update(w, r)
	default:
		answer(w, map[string]any{
			"Id": "id", "Name": "/web", "HostConfig": d.config, "Config": map[string]any{},
			"State": map[string]any{"Status": "running", "Running": true, "Pid": d.pid},
		})
	}
}

func (d *daemon) update(w http.ResponseWriter, r *http.Request) {
	var u map[string]any
	if err := json.NewDecoder(r.Body).Decode(&u); err != nil || d.refuse != "" {
		fail(w, http.StatusInternalServerError, d.refuse)
		return
	}
	d.updates = append(d.updates, u)
	if d.discards {
		answer(w, map[string]any{"Warnings": []string{"Limitation discarded."}})
		return
	}
	for _, key := range []string{"Memory", "MemorySwap", "NanoCpus"} {
		if n, _ := u[key].(float64); n != 0 {
			d.config[key] = int64(n)
		}
	}
	if u["PidsLimit"] != nil {
		d.config["PidsLimit"] = u["PidsLimit"]
	}
	if p, _ := u["RestartPolicy"].(map[string]any); p != nil && p["Name"] != "" {
		d.config["RestartPolicy"] = p
	}
	if d.dies != nil {
		d.dies(len(d.updates))
	}
	if d.lostAfter == len(d.updates) {
		d.gone = true
	}
	answer(w, map[string]any{"Warnings": nil})
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func fail(w http.ResponseWriter, code int, message string) {
	w.WriteHeader(code)
	answer(w, map[string]string{"message": message})
}

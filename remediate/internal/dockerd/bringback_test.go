package dockerd

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// TestBringBack: a container that its owner has removed, or that does not
// start any more, is told and does not keep the undo open; a daemon that is
// not there does.
func TestBringBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var started []string
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/broken/start"):
			http.Error(w, `{"message":"bind source path does not exist"}`, http.StatusBadRequest)
		case strings.HasSuffix(r.URL.Path, "/start"):
			started = append(started, r.URL.Path)
			w.WriteHeader(http.StatusNoContent)
		case strings.Contains(r.URL.Path, "/gone/"), strings.Contains(r.URL.Path, "/rm/"):
			http.Error(w, `{"message":"No such container"}`, http.StatusNotFound)
		default:
			w.Write([]byte(`{"State":{"Running":false}}`))
		}
	})}
	go srv.Serve(l)
	d, err := host.OpenDocker("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	c, s := &conns{docker: d}, &Step{}
	before := []Workload{{ID: "broken", Name: "broken"}, {ID: "gone", Name: "gone"}, {ID: "rm", Name: "rm", Gone: true}, {ID: "web", Name: "web"}}
	if err := s.bringBack(context.Background(), c, before); err != nil {
		t.Fatal(err)
	}
	if len(s.Lost) != 2 || !strings.Contains(s.Lost[0], "broken") || !strings.Contains(s.Lost[1], "container gone is gone") {
		t.Errorf("lost: %q", s.Lost)
	}
	if !slices.ContainsFunc(started, func(p string) bool { return strings.Contains(p, "/web/") }) {
		t.Errorf("web was not started: %q", started)
	}
	srv.Close()
	if err := s.bringBack(context.Background(), c, before); err == nil {
		t.Error("no error without a daemon")
	}
}

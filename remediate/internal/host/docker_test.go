package host_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// daemon answers like dockerd that holds one container, "here".
func daemon(t *testing.T) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/containers/json"):
			_ = json.NewEncoder(w).Encode([]map[string]any{{"Id": "here"}, {"Id": "gone"}})
		case strings.Contains(r.URL.Path, "/here/"):
			_ = json.NewEncoder(w).Encode(map[string]any{"Id": "here", "Name": "/here", "State": map[string]any{"Running": true}})
		default:
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": "No such container: gone"})
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "unix://" + path
}

// TestGone: a container that went away is no error, neither between list and
// inspect nor after the restart that has removed it.
func TestGone(t *testing.T) {
	address := daemon(t)
	d, err := host.OpenDocker(address)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if st, err := d.Status(context.Background(), "here"); !st.Exists || !st.Running || err != nil {
		t.Errorf("here: %v %v", st, err)
	}
	if st, err := d.Status(context.Background(), "gone"); st.Exists || st.Running || err != nil {
		t.Errorf("gone: %v %v", st, err)
	}
	if err := d.StopContainer(context.Background(), "gone"); err != nil {
		t.Errorf("stop: %v", err)
	}
	list, err := host.NewReader("/", nil, address).Containers(context.Background())
	if err != nil || len(list) != 1 || list[0].Name != "here" {
		t.Errorf("list: %v %v", list, err)
	}
}

// TestSocketRefused: a user who may not open the socket is not told that
// docker is down.
func TestSocketRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open every socket; a thread of another user is not worth the danger here")
	}
	path := strings.TrimPrefix(daemon(t), "unix://")
	if err := syscall.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := host.NewReader("/", nil, "unix://"+path).Engine(context.Background())
	if err == nil || !strings.Contains(err.Error(), "root and group docker") {
		t.Errorf("%v", err)
	}
}

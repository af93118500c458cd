package remediate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// endpoints are those that bulwark asks, by the end of their path.
var endpoints = []string{"/containers/json", "/json", "/info", "/version", "/networks", "/networks/bridge", "/volumes", "/events"}

// An api answers as Docker 20.10 did, but for one endpoint.
type api struct {
	real   map[string][]byte
	which  string
	status int
	body   []byte
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Api-Version", "1.41")
	for _, end := range endpoints {
		switch {
		case !strings.HasSuffix(r.URL.Path, end):
			continue
		case end == a.which:
			w.WriteHeader(a.status)
			_, _ = w.Write(a.body)
		default:
			_, _ = w.Write(a.real[end])
		}
		return
	}
}

func realAnswers(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for end, name := range map[string]string{
		"/containers/json": "containers", "/json": "container", "/info": "info", "/version": "version",
		"/networks": "networks", "/networks/bridge": "bridge", "/volumes": "volumes", "/events": "events",
	} {
		b, err := os.ReadFile(filepath.Join("testdata", "docker20.10", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		all[end] = b
	}
	return all
}

// odd are answers that no dockerd gives.
var odd = []string{
	"", "null", "{}", "[]", "[null]", "[{}]", `[{"Id":"a"},{"Id":"a"}]`, `{"message": "no"}`,
	`{"State":{},"Config":{},"HostConfig":{},"NetworkSettings":{"Networks":{"a":null}},"Mounts":[{}]}`,
	`{"State":{"Pid":-1,"StartedAt":"0000"},"Config":{"StopTimeout":-9},"HostConfig":{"LogConfig":null}}`,
	`{"RegistryConfig":{"IndexConfigs":{"a":null},"InsecureRegistryCIDRs":[""]},"Images":-1}`,
	`{"ApiVersion":"0"}`, `{"ApiVersion":"99.99","Version":"99.99.99"}`, `[{"IPAM":{"Config":[{}]}}]`, `{"timeNano":-1}`,
}

// FuzzDockerAPI: whatever the daemon answers to one question, through the real
// client, each question has an answer or an error of one line; a snapshot of it
// can be written and read again, and a plan be made of it. Most of what the
// answers can do is found faster by FuzzAnswers.
func FuzzDockerAPI(f *testing.F) {
	all := realAnswers(f)
	for i, end := range endpoints {
		f.Add(uint8(i), 200, all[end])
		f.Add(uint8(i), 200, bytes.ReplaceAll(all[end], []byte(`:"`), []byte(`:"\u001b[2J\u009b`)))
	}
	for i, b := range odd {
		f.Add(uint8(i), 200, []byte(b))
		f.Add(uint8(0), 500, []byte(b))
	}
	var now atomic.Pointer[api]
	r := host.NewReader("/", nil, serve(f, func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }))
	baseline, err := plans.Load("baseline", nil)
	if err != nil {
		f.Fatal(err)
	}
	base := hosts()["running"]
	f.Fuzz(func(t *testing.T, which uint8, status int, body []byte) {
		now.Store(&api{all, endpoints[int(which)%len(endpoints)], max(200, status%600), body})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := base()
		s.Engine, s.Containers, s.Networks = asked(r.Engine(ctx)), asked(r.Containers(ctx)), asked(r.Networks(ctx))
		for _, u := range remediate.Unread(s) {
			if len(u.Reason) > 1000 || strings.Contains(u.Reason, "\n") {
				t.Errorf("%s: %q", u.What, u.Reason)
			}
		}
		planAgain(t, baseline, s)
	})
}

func asked[T any](v T, err error) resource.Fact[T] {
	if err != nil {
		return resource.Unknown[T](err.Error())
	}
	return resource.Known(v)
}

// planAgain plans for the snapshot as plan --snapshot reads it.
func planAgain(t *testing.T, policy *plans.Policy, s *resource.Snapshot) {
	t.Helper()
	b, err := remediate.EncodeSnapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := remediate.DecodeSnapshot(b)
	if err != nil {
		t.Fatalf("does not read again: %v", err)
	}
	if _, err := json.Marshal(remediate.NewPlan(policy, again)); err != nil {
		t.Error(err)
	}
}

// serve listens on a socket of its own.
func serve(t testing.TB, h http.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "unix://" + l.Addr().String()
}

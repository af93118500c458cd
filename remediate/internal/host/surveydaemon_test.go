package host_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// answered is what Docker 20.10 answered, by the end of the path.
func answered(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "docker20.10", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// docker answers by the end of the path; what has no answer is not there.
func docker(t testing.TB, answers map[string]string, asked func(path string)) (address string) {
	t.Helper()
	return listenHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		if asked != nil {
			asked(r.URL.Path)
		}
		longest := ""
		for end := range answers {
			if strings.HasSuffix(r.URL.Path, end) && len(end) > len(longest) {
				longest = end
			}
		}
		if longest == "" && !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message": "no"}`)
			return
		}
		fmt.Fprint(w, answers[longest])
	})
}

func listenHTTP(t testing.TB, h http.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	srv.Start()
	t.Cleanup(srv.Close)
	return "unix://" + l.Addr().String()
}

func liveReader(t testing.TB, address string) *host.Reader {
	t.Helper()
	root, err := fsys.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return host.NewReader("/", root, address)
}

const imageID = "sha256:d52a0cd22d67aed92b5376dda3a28cd6e3b6ac77f28b3090da1c7af8a5744f06"

func TestImages(t *testing.T) {
	gone := strings.Replace(imageID, "d5", "aa", 1)
	list := strings.TrimSuffix(answered(t, "images"), "]") + `,{"Id":"` + gone + `"},{"Id":"` + imageID + `"}]`
	address := docker(t, map[string]string{
		"/images/json": list, "/images/" + imageID + "/json": answered(t, "image"), "/images/" + imageID + "/history": answered(t, "history"),
	}, nil)
	got, err := host.ReadImages(liveReader(t, address), t.Context())
	want := []resource.Image{{
		ID: imageID, Tags: []string{"bb:test"}, CreatedNS: 1795689823642760405, User: "1000", Healthcheck: true, Env: []string{"API_KEY=x"},
		Ports: []string{"80/tcp"}, Volumes: []string{"/data"}, Labels: map[string]string{"a": "b"},
		History: []string{"RUN |1 NPM_TOKEN=x /bin/sh -c apk add curl # buildkit", "/bin/sh -c #(nop) ADD file:1 in / "},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestImageOdd: an image without configuration, history and name.
func TestImageOdd(t *testing.T) {
	address := docker(t, map[string]string{
		"/images/json": `[{"Id":"` + imageID + `"}]`, "/images/" + imageID + "/json": `{"RepoTags":["<none>:<none>"],"RepoDigests":["<none>@<none>"],"Created":"0001-01-01T00:00:00Z"}`,
	}, nil)
	got, err := host.ReadImages(liveReader(t, address), t.Context())
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], resource.Image{ID: imageID}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSwarm(t *testing.T) {
	answers := map[string]string{"/info": answered(t, "swarm"), "/nodes": answered(t, "nodes"), "/services": answered(t, "services"), "/secrets": answered(t, "secrets")}
	state := t.TempDir()
	if err := os.Mkdir(state+"/swarm", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state+"/swarm/docker-state.json", []byte(`{"DataPathAddr":"192.0.2.7"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := host.ReadSwarm(liveReader(t, docker(t, answers, nil)), t.Context(), state)
	want := resource.Swarm{
		State: "active", Manager: true, Managers: 1, Nodes: 1, Autolock: true, CertExpiry: 7776000000000000, DataPath: "192.0.2.7", Advertise: "127.0.0.1", Secrets: 1, Drained: 1,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	delete(answers, "/secrets")
	if got, err := host.ReadSwarm(liveReader(t, docker(t, answers, nil)), t.Context(), state); err == nil {
		t.Errorf("secrets were counted: %+v", got)
	}
}

// TestNoManager: a worker, and a host of no swarm, are asked no more.
func TestNoManager(t *testing.T) {
	for info, want := range map[string]resource.Swarm{
		`{"Swarm":{"LocalNodeState":"inactive"}}`: {State: "inactive"}, `{}`: {State: "inactive"},
		`{"Swarm":{"LocalNodeState":"active","NodeAddr":"192.0.2.2","RemoteManagers":[{"Addr":"a"},{"Addr":"b"}]}}`: {State: "active", Managers: 2, Advertise: "192.0.2.2"},
		`{"Swarm":{"LocalNodeState":"locked"}}`: {State: "locked"},
	} {
		var asked atomic.Int64
		address := docker(t, map[string]string{"/info": info}, func(path string) {
			if !strings.HasSuffix(path, "/_ping") {
				asked.Add(1)
			}
		})
		got, err := host.ReadSwarm(liveReader(t, address), t.Context(), "/nothing")
		if err != nil || got != want || asked.Load() != 1 {
			t.Errorf("%s: %+v, %v, %d questions", info, got, err, asked.Load())
		}
	}
}

// TestHostileSurvey: whoever answers, the question for images and for the swarm
// ends with a short line.
func TestHostileSurvey(t *testing.T) {
	for _, d := range hostileDaemons {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := liveReader(t, socket(t, d.serve))
			ctx, cancel := context.WithTimeout(t.Context(), patience(d.want))
			defer cancel()
			_, images := host.ReadImages(r, ctx)
			_, swarm := host.ReadSwarm(r, ctx, "")
			for what, err := range map[string]error{"images": images, "swarm": swarm} {
				if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %.2000v", what, err)
				}
			}
		})
	}
}

// BenchmarkSurvey asks a daemon with 100 containers of 50 images. What other
// programs take (apt-cache, containerd, runc) is in it.
func BenchmarkSurvey(b *testing.B) {
	var containers, images []string
	answers := map[string]string{"/info": `{"Swarm":{"LocalNodeState":"inactive"}}`, "/history": answered(b, "history"), "/json": answered(b, "container")}
	for i := range 100 {
		containers = append(containers, fmt.Sprintf(`{"Id":"%064x"}`, i))
	}
	for i := range 50 {
		id := fmt.Sprintf("sha256:%064x", i)
		images = append(images, `{"Id":"`+id+`"}`)
		answers["/images/"+id+"/json"] = answered(b, "image")
	}
	answers["/containers/json"] = "[" + strings.Join(containers, ",") + "]"
	answers["/images/json"] = "[" + strings.Join(images, ",") + "]"
	r := liveReader(b, docker(b, answers, nil))
	for b.Loop() {
		all, err := r.Containers(b.Context())
		s := r.Survey(b.Context(), resource.SurveyWant{Daemon: true, Paths: []string{"/etc/**"}})
		if err != nil || len(all) != 100 || len(s.Images.Value) != 50 {
			b.Fatalf("%d, %d, %v, %s", len(all), len(s.Images.Value), err, s.Images.Unknown)
		}
	}
}

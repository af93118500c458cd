package remediate_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestSurveySecrets: names stay, of variables only harmless values, and the live snapshot
// keeps its bytes.
func TestSurveySecrets(t *testing.T) {
	s := running()
	env := []string{"PATH=/usr/bin:/bin", "DB_PASSWORD=hunter2", "JWT=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x", "EMPTY_KEY=", "ODD", "LANG=C.UTF-8"}
	s.Containers.Value[0].Spec = resource.Spec{Env: slices.Clone(env), Command: []string{"redis-server", "--requirepass", "hunter2", "--port", "6379", "sh", "-c", "PASS=hunter2 run"}}
	history := []string{"/bin/sh -c #(nop)  ENV DB_PASSWORD=my hunter2", "RUN |1 TOKEN=hunter2 /bin/sh -c apk add curl # buildkit", `CMD ["nginx" "-g" "daemon off;"]`}
	s.Survey = resource.Known(resource.Survey{
		Images:    resource.Known([]resource.Image{{ID: "sha256:1", Env: slices.Clone(env), History: slices.Clone(history), Labels: map[string]string{"version": "1", "pass": "hunter2"}}}),
		Listeners: resource.Known([]resource.Listener{{Argv: []string{"nginx", "-g", "daemon off;"}}}),
	})
	b, err := remediate.EncodeSnapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("hunter2")) || bytes.Contains(b, []byte("eyJhbGci")) {
		t.Errorf("%s", b)
	}
	again, err := remediate.DecodeSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	spec, image := again.Containers.Value[0].Spec, again.Survey.Value.Images.Value[0]
	want := "PATH=/usr/bin:/bin DB_PASSWORD=<redacted> JWT=<redacted> EMPTY_KEY= ODD LANG=" + resource.NotKept
	if strings.Join(spec.Env, " ") != want || strings.Join(image.Env, " ") != want {
		t.Errorf("%q %q", spec.Env, image.Env)
	}
	if got, want := strings.Join(spec.Command, " "), "redis-server --requirepass <redacted> --port <not kept> <not kept> -c PASS=<redacted>"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	wantHistory := []string{"/bin/sh -c #(nop)  ENV DB_PASSWORD=<redacted>", "RUN |1 TOKEN=<redacted> /bin/sh -c apk add curl # buildkit", history[2]}
	if !slices.Equal(image.History, wantHistory) || image.Labels["version"] != "1" {
		t.Errorf("%q %v", image.History, image.Labels)
	}
	if got := again.Survey.Value.Listeners.Value[0].Argv; !slices.Equal(got, []string{"nginx", "-g", resource.NotKept}) {
		t.Errorf("%q", got)
	}
	if !slices.Equal(s.Containers.Value[0].Spec.Env, env) || !slices.Equal(s.Survey.Value.Images.Value[0].History, history) {
		t.Error("the live snapshot was changed")
	}
}

// TestUnreadSurvey: what is not known of a survey is told; a survey that
// nobody asked for is not missed.
func TestUnreadSurvey(t *testing.T) {
	s := running()
	s.Survey = resource.Unknown[resource.Survey](resource.NotAsked)
	for _, u := range remediate.Unread(s) {
		if strings.Contains(u.What, "check") {
			t.Errorf("%+v", u)
		}
	}
	s.Survey = resource.Known(resource.Survey{
		Images: resource.Unknown[[]resource.Image]("no"), Paths: map[string]resource.Fact[resource.Fingerprint]{"/a": resource.Unknown[resource.Fingerprint]("cannot follow /a: no")},
	})
	var got []string
	for _, u := range remediate.Unread(s) {
		got = append(got, u.What+": "+u.Reason)
	}
	for _, want := range []string{"images: no", "/a: no"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
}

// TestOlderSurvey: a snapshot of an older bulwark has no survey.
func TestOlderSurvey(t *testing.T) {
	b, err := remediate.EncodeSnapshot(running())
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(`"survey"`), []byte(`"format"`), 1)
	b = bytes.Replace(b, []byte(`"format": {}`), []byte(`"format": 1`), 1)
	s, err := remediate.DecodeSnapshot(b)
	if err != nil || !strings.Contains(s.Survey.Unknown, "older bulwark") {
		t.Errorf("%q %v", s.Survey.Unknown, err)
	}
}

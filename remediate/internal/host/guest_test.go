package host

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
)

func TestGuestOptions(t *testing.T) {
	o, err := Guest{Name: "n", Image: "i", Network: "none", Memory: 5, Pids: 7, Port: "7/udp", PortIP: "127.0.0.1", HostUserns: true, HostPID: true}.options()
	if err != nil {
		t.Fatal(err)
	}
	h := o.HostConfig
	if h.Memory != 5 || h.MemorySwap != 5 || *h.PidsLimit != 7 || h.OomScoreAdj != 500 || h.RestartPolicy.Name != container.RestartPolicyDisabled ||
		h.AutoRemove || h.UsernsMode != "host" || h.PidMode != "host" || len(h.PortBindings) != 1 || *o.Config.StopTimeout != 0 {
		t.Errorf("%+v", h)
	}
	if h.MaskedPaths != nil {
		t.Error("paths are unmasked unasked")
	}
	if _, err := (Guest{Port: "x"}).options(); err == nil {
		t.Error("a port that is none was taken")
	}
}

// The daemon takes null for its own list, and an empty one for none.
func TestUnmaskedIsAnEmptyList(t *testing.T) {
	b, err := json.Marshal(Guest{Unmasked: true}.hostConfig())
	if err != nil || !strings.Contains(string(b), `"MaskedPaths":[]`) || !strings.Contains(string(b), `"ReadonlyPaths":[]`) {
		t.Error(string(b), err)
	}
}

func TestBindsAreMounts(t *testing.T) {
	got := Guest{Binds: []string{"/a:/b", "/c:/d:ro"}}.mounts()
	if len(got) != 2 || got[0].Source != "/a" || got[0].Target != "/b" || got[0].ReadOnly || got[1].Target != "/d" || !got[1].ReadOnly {
		t.Errorf("%+v", got)
	}
}

func TestRefusal(t *testing.T) {
	var no *RefusedError
	err := refusal(t.Context(), "create", errors.New("Error response from daemon: not  so\n"))
	if !errors.As(err, &no) || no.Said != "not so" || no.Stage != "create" {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := refusal(over, "create", errors.New("x")); errors.As(err, &no) {
		t.Error("an interrupt is no refusal")
	}
	if refusal(t.Context(), "start", nil) != nil {
		t.Error("no error is no refusal")
	}
}

func TestCarryingLeavesOutOthers(t *testing.T) {
	got := carrying([]Labelled{
		{ID: "a", Labels: map[string]string{"l": ""}},
		{ID: "b"},
		{ID: "../c", Labels: map[string]string{"l": ""}},
		{ID: "sha256:d", Labels: map[string]string{"l": "x"}},
	}, "l")
	if len(got) != 2 || got[0].ID != "a" || got[1].ID != "sha256:d" {
		t.Error(got)
	}
}

package remediate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A dockerd that refuses the file quotes it; the message does not hold a secret
// for that, whatever it looks like.
func TestValidationQuotesNoSecret(t *testing.T) {
	dockerd := filepath.Join(t.TempDir(), "dockerd")
	script := "#!/bin/sh\nfor a; do case $a in --config-file=*) echo cannot start: && cat ${a#--config-file=}; esac; done\necho was c4n4ry-old; exit 1\n"
	if err := os.WriteFile(dockerd, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := Open("test", "/", "")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	s := &resource.Snapshot{
		Binary:     resource.Known(resource.Binary{Path: dockerd, Version: "26.1.5"}),
		DaemonJSON: resource.Known(resource.File{Content: []byte(`{"log-opts": {"splunk-token": "c4n4ry-old"}}`)}),
	}
	err = h.validateDaemon(t.Context(), s, "/etc/docker/daemon.json",
		[]byte(`{"log-driver": "splunk", "log-opts": {"splunk-token": "c4n4ry-new", "splunk-url": "https://h"}}`))
	if err == nil || !strings.Contains(err.Error(), "cannot start:") || !strings.Contains(err.Error(), "https://h") {
		t.Fatalf("dockerd's words are missing: %v", err)
	}
	if strings.Contains(err.Error(), "c4n4ry") {
		t.Errorf("it quotes a secret: %v", err)
	}
}

//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// absent is the mode of a file that bulwark makes.
const absent fs.FileMode = 0

// canary begins every secret of the host; what follows says where it lies.
const canary = "c4n4ry"

// The secrets of the host, and what is none: the value of a label whose name
// does not tell is shown.
const (
	secretDaemonJSON = `{
  "log-driver": "splunk",
  "log-opts": {
    "splunk-token": "c4n4ry-token",
    "splunk-url": "https://user:c4n4ry-url@127.0.0.1:9",
    "splunk-verify-connection": "false"
  },
  "labels": ["password=c4n4ry-label", "team=plain-label"],
  "dns-opts": ["token=c4n4ry-dnsopt"]
}
`
	secretDropIn = `[Service]
Environment=HTTP_PROXY=http://user:c4n4ry-proxy@127.0.0.1:9 NO_PROXY=127.0.0.1 REGISTRY_TOKEN=c4n4ry-env
EnvironmentFile=/etc/default/docker-secret
`
	secretEnvFile    = "API_KEY=c4n4ry-envfile\n"
	secretConfigJSON = `{"auths": {"registry.example": {"auth": "c4n4ry-auth"}}}`

	secretPolicy = `version: 1
name: secret
daemon:
  no-new-privileges: true
  labels: [password=c4n4ry-policylabel, team=plain-label]
  log-driver: splunk
  log-opts: {splunk-token: c4n4ry-policy, splunk-url: "https://127.0.0.1:9"}
userns: {remap: dockremap}
seccomp: {deny: [ptrace]}
egress:
  allow: [{to: 192.0.2.1}]
`
	// The value is of the wrong type.
	faultyPolicy = `version: 1
daemon:
  log-opts: {splunk-token: [c4n4ry-list], splunk-url: 77}
  proxies: {http-proxy: [c4n4ry-list]}
  labels: [{password: c4n4ry-map}]
`
)

// Invariant 17. A secret of the host or of the policy appears in nothing that
// bulwark prints or logs, in no command line, and in no file that others can
// read, unless that is the file that had it and they could.
func TestInvariant17Secrets(t *testing.T) {
	skipInVM(t, "what is written does not depend on the kernel")
	for _, mode := range []fs.FileMode{0o600, 0o644, absent} {
		t.Run(fmt.Sprintf("daemon.json %04o", mode), func(t *testing.T) {
			h := newSecretHost(t, mode)
			h.quiet(0, "plan", "--verbose")
			h.quiet(0, "plan", "--summary")
			h.quiet(0, "plan", "--json")
			h.quiet(0, "snapshot", "--out", "/root/snapshot.json")
			h.quiet(0, "snapshot")
			if mode != absent {
				h.shows("team=plain-label", "snapshot")
			}
			if warned := strings.Contains(h.quiet(0, "plan"), "holds secrets, and has mode 0644"); warned != (mode == 0o644) {
				t.Errorf("warned of a file that others can read: %v", warned)
			}
			h.quiet(0, "plan", "--out", "/root/plan.json")
			h.quiet(0, "plan", "--snapshot", "/root/snapshot.json")
			h.quiet(0, "apply", "/root/plan.json", "--settle", "0s")
			h.quiet(6, "apply", "/root/plan.json")
			h.quiet(0, "history")
			h.quiet(0, "history", "--json")
			h.quiet(0, "history", "show", h.last())
			h.quiet(0, "history", "show", "--json", h.last())
			h.quiet(0, "egress", "show")
			h.quiet(0, "seccomp", "show")
			h.quiet(0, "seccomp", "explain", h.profile())
			h.quiet(0, "recover")
			h.quiet(0, "rollback", "--yes", "--settle", "0s")
			h.quiet(0, "rollback", "--yes", "--json", "--settle", "0s") // a redo
			h.quiet(0, "recover", "--json")
		})
	}
}

// The same where things go wrong, and others speak: dockerd, editors, faults.
func TestInvariant17SecretsInFailures(t *testing.T) {
	skipInVM(t, "what is written does not depend on the kernel")
	h := newSecretHost(t, 0o600)
	h.write("/root/faulty.yaml", faultyPolicy, 0o600)
	for _, command := range []string{"plan", "apply"} {
		h.quiet(1, command, "--policy", "/root/faulty.yaml")
		h.quiet(1, command, "--json", "--policy", "/root/faulty.yaml")
	}
	h.quiet(1, "policy", "validate", "/root/faulty.yaml")

	// A dockerd that quotes what it refuses.
	h.write("/usr/local/sbin/dockerd", `#!/bin/sh
if grep -q c4n4ry-policy /etc/docker/daemon.json && [ "$1" != --version ]; then
	echo "level=error msg=\"unable to configure the Docker daemon: bad value c4n4ry-policy for splunk, password=c4n4ry-policylabel, was 'c4n4ry-token'\""
	exit 1
fi
exec /usr/sbin/dockerd "$@"
`, 0o755)
	h.write("/etc/systemd/system/docker.service.d/wrapped.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n", 0o644)
	h.mustRun("systemctl", "daemon-reload")
	h.mustRun("systemctl", "restart", "docker")
	h.learn() // the wrapper holds them too
	for _, flag := range []string{"--json=false", "--json"} {
		out := h.quiet(3, "apply", "--yes", "--retry", "--settle", "0s", "--policy", "/root/daemon.yaml", flag)
		if !strings.Contains(out, "bad value") {
			t.Errorf("the daemon's words are missing:\n%s", out)
		}
	}
	h.quiet(4, "apply", "--yes", "--policy", "/root/daemon.yaml")
	h.quiet(0, "history")
	h.quiet(0, "history", "show", h.last())
	h.quiet(0, "history", "show", "--json", h.last())
	h.quiet(0, "plan", "--out", "/root/plan.json")

	// Somebody edits: a saved plan is stale, a rollback refused, a file broken.
	h.mustRun("sed", "-i", "s/c4n4ry-url/c4n4ry-edited/", "/etc/docker/daemon.json")
	h.quiet(6, "apply", "/root/plan.json")
	for name, text := range map[string]string{
		"unparsed":      `{"log-opts": {"splunk-token": c4n4ry-unparsed}}`,
		"a bare string": `"c4n4ry-bare"`,
		"a wrong type":  `{"log-opts": {"splunk-token": ["c4n4ry-typed"]}, "proxies": "c4n4ry-typed"}`,
		"an unknown":    `{"splunk-token": "c4n4ry-unknown", "x": {"token=c4n4ry-key": 1}}`,
		"twice":         `{"log-opts": {"splunk-token": "c4n4ry-one", "splunk-token": "c4n4ry-two"}}`,
		"a comment":     "{\n // password=c4n4ry-comment\n \"log-opts\": {\"splunk-token\": \"c4n4ry\"}}",
		"a bad mirror":  `{"registry-mirrors": ["https://user:c4n4ry-mirror@m.example/path"], "insecure-registries": ["http://user:c4n4ry-reg@r.example"]}`,
	} {
		t.Log(name)
		h.write("/etc/docker/daemon.json", text, 0o600)
		h.learn()
		h.quiet(-1, "plan", "--verbose")
		h.quiet(-1, "plan", "--json")
		h.quiet(-1, "snapshot")
		if name != "a bad mirror" { // which is not wrong to bulwark, and is tried
			h.quiet(-1, "apply", "--yes", "--policy", "/root/daemon.yaml", "--settle", "0s")
		}
	}
}

type secretHost struct {
	*testing.T
	// found are the files that held a canary before, with their modes, and
	// commands the command lines.
	found    map[string]fs.FileMode
	commands map[string]bool
	seen     map[inode]bool
}

// inode names a state of a file.
type inode struct {
	dev, ino   uint64
	sec, nsec  int64
	size, mode int64
}

func newSecretHost(t *testing.T, mode fs.FileMode) *secretHost {
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	h := &secretHost{T: t}
	t.Cleanup(func() {
		for _, f := range []string{"/etc/default/docker-secret", "/root/.docker"} {
			if err := os.RemoveAll(f); err != nil {
				t.Error(err)
			}
		}
		if err := resetHost(); err != nil {
			t.Error(err)
		}
	})
	if mode != absent {
		h.write("/etc/docker/daemon.json", secretDaemonJSON, mode)
	}
	h.write("/etc/systemd/system/docker.service.d/secret.conf", secretDropIn, 0o600)
	h.write("/etc/default/docker-secret", secretEnvFile, 0o600)
	h.write("/root/.docker/config.json", secretConfigJSON, 0o600)
	h.write("/etc/bulwark/policy.yaml", secretPolicy, 0o600)
	// No egress: a failed restart is what counts.
	h.write("/root/daemon.yaml", strings.Split(secretPolicy, "userns:")[0], 0o600)
	h.mustRun("systemctl", "daemon-reload")
	h.mustRun("systemctl", "restart", "docker")
	h.mustRun("docker", "run", "-d", "--init", "--restart=always", "--name", "kept", "--log-driver=json-file",
		"-e", "DB_PASSWORD=c4n4ry-container", "--label", "auth-token=c4n4ry-containerlabel", "--label", "url=https://u:c4n4ry-hook@x.example",
		"--health-cmd", "echo c4n4ry-health", "busybox:test", "sh", "-c", "sleep 100000; : c4n4ry-command")
	h.learn()
	if len(h.found) < 5 || len(h.commands) == 0 {
		t.Fatalf("this proves little: %v, %v", h.found, h.commands)
	}
	return h
}

func (h *secretHost) write(path, text string, mode fs.FileMode) {
	h.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), mode)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		h.Fatal(err)
	}
}

func (h *secretHost) mustRun(argv ...string) {
	h.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

// learn takes down what holds canaries now, by the hand of others.
func (h *secretHost) learn() {
	h.Helper()
	h.found, h.commands, h.seen = map[string]fs.FileMode{}, map[string]bool{}, map[inode]bool{}
	h.files(func(path string, mode fs.FileMode) { h.found[path] = mode })
	h.cmdlines(func(line string) { h.commands[line] = true })
	h.seen = map[inode]bool{}
}

// quiet runs bulwark, with a secret in its own environment too, and looks at
// files and processes at each of its calls that change something. An exit
// code of -1 is any.
func (h *secretHost) quiet(exit int, args ...string) string {
	h.Helper()
	name := "bulwark " + strings.Join(args, " ")
	var out bytes.Buffer
	stops := 0
	res, err := ptrace.Run(ptrace.Options{
		Argv: append([]string{"/usr/local/bin/bulwark"}, args...), Stdout: &out, Stderr: &out,
		Env:  append(os.Environ(), "HTTPS_PROXY=http://u:c4n4ry-own@127.0.0.1:9", "VAULT_TOKEN=c4n4ry-own"),
		Each: func(c ptrace.Call) { stops++; h.look(fmt.Sprintf("%s, at %s", name, c)) },
		Exec: func(pid int) { h.lookAtChild(name, pid) },
	})
	if err != nil || exit >= 0 && res.Exit() != exit || res.Signal() != 0 {
		h.Fatalf("%s: exit code %d, want %d, %v\n%s", name, res.Exit(), exit, err, &out)
	}
	h.look(name + ", at the end")
	if i := strings.Index(out.String(), canary); i >= 0 {
		h.Errorf("%s prints a secret: ...%s", name, out.String()[max(0, i-200):min(out.Len(), i+100)])
	}
	h.log(name)
	if stops > 100 {
		h.Logf("%s: %d stops", name, stops)
	}
	return out.String()
}

// shows fails unless the output has the text: what is no secret is not hidden.
func (h *secretHost) shows(text string, args ...string) {
	h.Helper()
	if out := h.quiet(0, args...); !strings.Contains(out, text) {
		h.Errorf("bulwark %s does not show %s", args, text)
	}
}

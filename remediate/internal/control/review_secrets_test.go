package control_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// canary is a value that no report may show.
const canary = "hunter2canary"

// Values never leave: not by a word that is a script, an address that has = in
// it, a step of a history, a key of daemon.json of the wrong type, a label.
func TestNoValueIsShown(t *testing.T) {
	env := []string{"DB_PASSWORD=" + canary, "https://u:" + canary + "@h/?token=x", "TOKEN " + canary + "=x", "API_KEY=" + canary}
	command := []string{
		"sh", "-c", "mysql -p" + canary + " --password=" + canary + "; login " + canary, "--token", canary,
		"https://u:" + canary + "@h/?password=x", "--header=X-Token: " + canary,
	}
	history := []string{
		"RUN /bin/sh -c DB_PASS=" + canary + " apt-get -o Acquire::http::Proxy=http://u:" + canary + "@p update",
		"RUN curl -u user:" + canary + " x && apt-get update",
		"ADD --checksum=" + canary + " https://h/" + canary + " /x", "RUN x https://u:" + canary + "@h/?password=x", "ADD base",
	}
	s := rebuilt(t, []string{"--iptables=" + canary}, `{"icc": "`+canary+`", "no-new-privileges": "`+canary+`", "log-opts": {"token": "`+canary+`"}, "https-proxy": "http://u:`+canary+`@p", "tlsverify": "`+canary+`", "hosts": ["tcp://1.2.3.4:2375"]}`,
		with("c", func(c *resource.Container) {
			c.Labels = map[string]string{"password": canary, "https://u:" + canary + "@h/?token": "x", "env": "token=" + canary}
			c.Spec.Env, c.Spec.Command, c.Spec.LogOpts = env, command, map[string]string{"splunk-token": canary}
		}),
		with("d", func(c *resource.Container) {
			c.Labels = map[string]string{"env": "prod"}
			c.Spec.Mounts = []resource.Mount{{Type: "volume", Name: "v"}}
		}),
		images(resource.Image{ID: "i", Tags: []string{"i:1"}, Env: env, Labels: map[string]string{"password": canary}, History: history}),
		func(s *resource.Snapshot) {
			s.Engine.Value.Bridge = map[string]string{}
			s.Survey.Value.Listeners = resource.Known([]resource.Listener{{Proto: "tcp", Address: "0.0.0.0", Port: 8080, PID: 9, Process: "java", Argv: []string{"apiserver", "--password=" + canary}}})
		})
	out, err := json.MarshalIndent(control.Judge(control.Catalogue(), nil, s), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, canary) {
			t.Error(line)
		}
	}
}

// What counts as a secret, and what only sounds like one.
func TestSecretsByName(t *testing.T) {
	for _, c := range []struct {
		name, control  string
		env, cmd, hist []string
		labels         map[string]string
		mount          string
		want           resource.Verdict
	}{
		{name: "habits of variables", control: "secret-environment", env: []string{"DB_PASS=abc"}, want: resource.Fails},
		{name: "as it is in a snapshot", control: "secret-environment", env: []string{"DB_PASS=<redacted>"}, want: resource.Fails},
		{name: "a file that holds it", control: "secret-environment", env: []string{"DB_PASSWORD_FILE=/x/y"}, want: resource.Holds},
		{name: "the same in a snapshot", control: "secret-environment", env: []string{"DB_PASSWORD_FILE=<redacted>"}, want: resource.Holds},
		{name: "a switch", control: "secret-environment", env: []string{"ALLOW_EMPTY_PASSWORD=yes"}, want: resource.Holds},
		{name: "a fingerprint", control: "secret-environment", env: []string{"GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D"}, want: resource.Holds},
		{name: "a path", control: "secret-environment", env: []string{"SECRET=/run/secrets/x"}, want: resource.Holds},
		{name: "a secret that starts with a slash", control: "secret-environment", env: []string{"SECRET=/9j4AAQSkZJRgABAQ"}, want: resource.Fails},
		{name: "within options", control: "secret-environment", env: []string{"JAVA_OPTS=-Xmx1g -Dpassword=abc"}, want: resource.Fails},
		{name: "no value", control: "secret-environment", env: []string{"PASSWORD="}, want: resource.Holds},
		{name: "a token for an address", control: "secret-environment", env: []string{"REPO=https://0123456789abcdef0123@git.example/x"}, want: resource.Fails},
		{name: "a user for an address", control: "secret-environment", env: []string{"REPO=https://git@git.example/x"}, want: resource.Holds},
		{name: "flag and value", control: "secret-commands", cmd: []string{"x", "--password", "abc"}, want: resource.Fails},
		{name: "redis", control: "secret-commands", cmd: []string{"redis-server", "--requirepass", "abc"}, want: resource.Fails},
		{name: "flag and flag", control: "secret-commands", cmd: []string{"x", "--password", "--verbose"}, want: resource.Holds},
		{name: "in a script", control: "secret-commands", cmd: []string{"sh", "-c", "run --password abc"}, want: resource.Fails},
		{name: "a variable in a script", control: "secret-commands", cmd: []string{"sh", "-c", "run --password=$PASS"}, want: resource.Holds},
		{name: "a key over blanks", control: "secret-commands", cmd: []string{"-----BEGIN RSA PRIVATE KEY----- x"}, want: resource.Fails},
		{name: "a label", control: "secret-labels", labels: map[string]string{"app.token": "abc"}, want: resource.Fails},
		{name: "a label by shape", control: "secret-labels", labels: map[string]string{"x": "AKIAABCDEFGHIJKLMNOP"}, want: resource.Fails},
		{name: "a plain label", control: "secret-labels", labels: map[string]string{"app": "web"}, want: resource.Holds},
		{name: "kube", control: "secret-files", mount: "/home/u/.kube/config", want: resource.Fails},
		{name: "any file of ssh", control: "secret-files", mount: "/home/u/.ssh/deploy", want: resource.Fails},
		{name: "a public key", control: "secret-files", mount: "/home/u/.ssh/id_rsa.pub", want: resource.Holds},
		{name: "certificates of the host", control: "secret-files", mount: "/etc/ssl/certs/ca.pem", want: resource.Holds},
		{name: "not certificates of the host", control: "secret-files", mount: "/etc/ssl/certs-old/x.key", want: resource.Fails},
		{name: "data", control: "secret-files", mount: "/srv/data", want: resource.Holds},
		{name: "history", control: "image-secrets", hist: []string{"RUN |1 TOKEN=abc /bin/sh"}, want: resource.Fails},
		{name: "a flag in the history", control: "image-secrets", hist: []string{"RUN curl --token abc"}, want: resource.Fails},
		{name: "fingerprint in the history", control: "image-secrets", hist: []string{"RUN key='B97B0AFC' gpg"}, want: resource.Holds},
		{name: "variable in the history", control: "image-secrets", hist: []string{"RUN x --token=$TOKEN"}, want: resource.Holds},
	} {
		s := rebuilt(t, nil, "", with("c", func(x *resource.Container) {
			x.Spec.Env, x.Spec.Command, x.Labels = c.env, c.cmd, c.labels
			if c.mount != "" {
				mount(c.mount, false)(x)
			}
		}), images(resource.Image{ID: "i", Tags: []string{"i:1"}, History: append([]string{}, c.hist...)}))
		if r := judge(t, s, nil, c.control); r.Verdict != c.want {
			t.Errorf("%s: %s, want %s: %v", c.name, r.Verdict, c.want, r.Findings)
		}
	}
}

package host

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

const kubeletSample = `apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false # no
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: "/etc/kubernetes/pki/ca.crt"
authorization:
  mode: Webhook
  webhook: {}
clusterDNS:
- 10.96.0.10
- name: x
  mode: y
evictionHard: {}
text: |
  mode: AlwaysAllow
	tab
kind: KubeletConfiguration
readOnlyPort: 0
tlsCipherSuites: [a, b]
`

func TestYAMLScalars(t *testing.T) {
	if _, err := yamlScalars(kubeletSample); err == nil {
		t.Error("a text with less indentation than it began with is taken")
	}
	want := map[string]string{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "authentication.anonymous.enabled": "false", "authentication.webhook.cacheTTL": "0s", "authentication.webhook.enabled": "true",
		"authentication.x509.clientCAFile": "/etc/kubernetes/pki/ca.crt", "authorization.mode": "Webhook", "kind": "KubeletConfiguration", "readOnlyPort": "0",
	}
	got, err := yamlScalars(strings.Replace(kubeletSample, "\ttab", "  tab", 1))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]string{
		"a: b\n\tc: d": "tab", "a: {b: c}": "braces", "a: &x b": "not plain", "a: *x": "not plain", "a: !!str b": "not plain", "a: b\n---\na: c": "more than one document",
		"a: b\na: c": "twice", "just text": "no plain", "a: \"b\\n\"": "quoted", `{"a": "b"}`: "no plain", "a:b": "no plain", "{a: b}": "no plain", "<<: *x": "not plain", "? a": "no plain", "a: 'b' c": "quoted",
	} {
		if got, err := yamlScalars(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"---\na: b": "b", "a: 'b'": "b", "a: b#c": "b#c", "a: b # c": "b", "# x\n\na: b\r\n": "b", `"a": b`: "b", "a: # c": "", "a: https://b:1": "https://b:1", "a:\n- a: c\n": "",
	} {
		if got, err := yamlScalars(text); err != nil || got["a"] != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestFlagValues(t *testing.T) {
	got := flagValues([]string{"etcd", "--client-cert-auth", "--trusted-ca-file=/ca", "-listen-client-urls", "https://127.0.0.1:2379", "--a=1", "--a=2", "--last"})
	want := map[string]string{"client-cert-auth": "true", "trusted-ca-file": "/ca", "listen-client-urls": "https://127.0.0.1:2379", "a": "2", "last": "true"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

const etcdSample = `apiVersion: v1
kind: Pod
spec:
  containers:
  - command:
    - etcd
    - --client-cert-auth=true
    - --listen-client-urls=https://127.0.0.1:2379,https://192.0.2.1:2379
    - "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt"
    image: registry.k8s.io/etcd:3.5
`

func TestAgents(t *testing.T) {
	kubelet := strings.Replace(kubeletSample, "\ttab", "  tab", 1)
	r := imageOf(t, map[string]string{"var/lib/kubelet/config.yaml": kubelet, "etc/kubernetes/manifests/etcd.yaml": etcdSample})
	k, err := r.kubelet(nil)
	want := resource.Agent{File: kubeletConfig, Settings: map[string]string{
		"authentication.anonymous.enabled": "false", "authentication.webhook.enabled": "true", "authentication.x509.clientCAFile": "/etc/kubernetes/pki/ca.crt",
		"authorization.mode": "Webhook", "readOnlyPort": "0",
	}}
	if err != nil || !reflect.DeepEqual(k, want) {
		t.Errorf("%+v, %v", k, err)
	}
	e, err := r.etcd(nil)
	want = resource.Agent{File: etcdManifest, Settings: map[string]string{
		"client-cert-auth": "true", "listen-client-urls": "https://127.0.0.1:2379,https://192.0.2.1:2379", "trusted-ca-file": "/etc/kubernetes/pki/etcd/ca.crt",
	}}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("%+v, %v", e, err)
	}
	none := imageOf(t, nil)
	if k, err := none.kubelet(nil); err != nil || !reflect.DeepEqual(k, resource.Agent{}) {
		t.Errorf("%+v, %v", k, err)
	}
	if e, err := none.etcd(nil); err != nil || !reflect.DeepEqual(e, resource.Agent{}) {
		t.Errorf("%+v, %v", e, err)
	}
	odd := imageOf(t, map[string]string{"var/lib/kubelet/config.yaml": "a: {b: c}"})
	if k, err := odd.kubelet(nil); err == nil {
		t.Errorf("%+v", k)
	}
}

// TestRunningAgents: flags win over a file; a file makes etcd forget its flags.
func TestRunningAgents(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/k", "authentication:\n  anonymous:\n    enabled: false\nreadOnlyPort: 10255\n")
	write(t, dir+"/e", "client-transport-security:\n  client-cert-auth: true\n")
	seen := func(argv ...string) func() processes {
		return func() processes { return processes{agents: map[string]agent{argv[0]: {argv: argv}}} }
	}
	r := live(t)
	k, err := r.kubelet(seen("kubelet", "--config="+dir+"/k", "--anonymous-auth=true"))
	if err != nil || !k.Running || k.Settings["authentication.anonymous.enabled"] != "true" || k.Settings["readOnlyPort"] != "10255" || k.File != dir+"/k" {
		t.Errorf("%+v, %v", k, err)
	}
	for _, argv := range [][]string{{"kubelet", "--config=" + dir + "/none"}, {"kubelet", "--config=relative"}, {"kubelet", "--config-dir=" + dir}} {
		if k, err := r.kubelet(seen(argv...)); err == nil {
			t.Errorf("%q: %+v", argv, k)
		}
	}
	e, err := r.etcd(seen("etcd", "--config-file="+dir+"/e", "--client-cert-auth=false", "--trusted-ca-file=/ca"))
	if err != nil || !reflect.DeepEqual(e.Settings, map[string]string{"client-cert-auth": "true"}) {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = r.etcd(seen("etcd", "--listen-client-urls", "http://0.0.0.0:2379"))
	if err != nil || !reflect.DeepEqual(e.Settings, map[string]string{"listen-client-urls": "http://0.0.0.0:2379"}) {
		t.Errorf("%+v, %v", e, err)
	}
}

func FuzzYAML(f *testing.F) {
	f.Add(kubeletSample)
	f.Add(etcdSample)
	f.Add("a: |\n b\n-\n- c: d")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := yamlScalars(text)
		if err != nil && all != nil {
			t.Error("an error, and settings")
		}
		for path, word := range all {
			if word == "" || strings.Contains(word, "\n") || strings.Contains(path, "\n") {
				t.Errorf("%q: %q", path, word)
			}
		}
		yamlFlags(text)
		flagValues(strings.Fields(text))
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

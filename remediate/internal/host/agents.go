package host

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Where Kubernetes' installers put the configuration.
const (
	kubeletConfig = "/var/lib/kubelet/config.yaml"
	etcdManifest  = "/etc/kubernetes/manifests/etcd.yaml"
)

// kubeletSettings maps the settings that decide who may command the kubelet to
// their flags, which win over the file (kubelet --help).
var kubeletSettings = map[string]string{
	"authentication.anonymous.enabled": "anonymous-auth",
	"authentication.webhook.enabled":   "authentication-token-webhook",
	"authentication.x509.clientCAFile": "client-ca-file",
	"authorization.mode":               "authorization-mode",
	"readOnlyPort":                     "read-only-port",
}

// etcdSettings are the same for etcd: the key of a configuration file, and the
// flag. The names of settings are the flags'.
var etcdSettings = map[string]string{
	"client-transport-security.client-cert-auth": "client-cert-auth",
	"client-transport-security.trusted-ca-file":  "trusted-ca-file",
	"listen-client-urls":                         "listen-client-urls",
}

func (r *Reader) kubelet(seen func() processes) (resource.Agent, error) {
	a, running := r.agent("kubelet", seen)
	given := flagValues(a.Argv)
	path := cmp.Or(given["config"], kubeletConfig)
	settings, found, err := r.yamlSettings(path)
	switch {
	case given["config-dir"] != "":
		err = errors.New("the kubelet merges the files of --config-dir, which are not read")
	case given["config"] != "" && !found && err == nil:
		err = errors.New("cannot read " + path + ": there is none on the host")
	}
	if err != nil || !found && !running {
		return a, err
	}
	if found {
		a.File = path
	}
	a.Settings = map[string]string{}
	for key, flag := range kubeletSettings {
		if v, ok := first(key, settings, flag, given); ok {
			a.Settings[key] = v
		}
	}
	return a, nil
}

// etcd reads a configuration file, which makes etcd take no notice of flags;
// else flags, which win over the environment. One that does not run may be
// about to: its manifest has the flags.
func (r *Reader) etcd(seen func() processes) (resource.Agent, error) {
	a, running := r.agent("etcd", seen)
	given := flagValues(a.Argv)
	if !running {
		argv, found, err := r.manifestArgv(etcdManifest)
		if err != nil || !found {
			return a, err
		}
		a.File, given = etcdManifest, flagValues(argv)
	}
	settings := r.etcdEnv(seen, running)
	if path := given["config-file"]; path != "" {
		file, found, err := r.yamlSettings(path)
		if err != nil || !found {
			return a, cmp.Or(err, errors.New("cannot read "+path+": there is none on the host"))
		}
		a.File, settings, given = path, map[string]string{}, nil
		for key, flag := range etcdSettings {
			if v, ok := file[key]; ok {
				settings[flag] = v
			}
		}
	}
	a.Settings = map[string]string{}
	for _, flag := range etcdSettings {
		if v, ok := first(flag, settings, flag, given); ok {
			a.Settings[flag] = v
		}
	}
	return a, nil
}

// first is the value of the flag, else that of the key.
func first(key string, settings map[string]string, flag string, given map[string]string) (string, bool) {
	if v, ok := given[flag]; ok {
		return v, true
	}
	v, ok := settings[key]
	return v, ok
}

// agent is a process of the running host by its name.
func (r *Reader) agent(name string, seen func() processes) (resource.Agent, bool) {
	if !r.Live() {
		return resource.Agent{}, false
	}
	p, ok := seen().agents[name]
	return resource.Agent{Running: ok, Argv: p.argv}, ok
}

// etcdEnv are the settings in the environment of the running etcd, as
// ETCD_CLIENT_CERT_AUTH; only root may look.
func (r *Reader) etcdEnv(seen func() processes, running bool) map[string]string {
	out := map[string]string{}
	if !running {
		return out
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(seen().agents["etcd"].pid) + "/environ")
	if err != nil {
		return out
	}
	for e := range strings.SplitSeq(string(b), "\x00") {
		name, value, _ := strings.Cut(e, "=")
		rest, ok := strings.CutPrefix(name, "ETCD_")
		flag := strings.ReplaceAll(strings.ToLower(rest), "_", "-")
		if ok && slices.Contains(etcdFlags(), flag) {
			out[flag] = value
		}
	}
	return out
}

func etcdFlags() []string {
	var out []string
	for _, flag := range etcdSettings {
		out = append(out, flag)
	}
	return out
}

// flagValues reads --name=value and --name value; a flag before another, or at
// the end, is true. The last of several counts.
func flagValues(argv []string) map[string]string {
	out := map[string]string{}
	for i, word := range argv {
		name, ok := strings.CutPrefix(word, "-")
		if !ok {
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		switch {
		case given:
			out[name] = value
		case i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-"):
			out[name] = argv[i+1]
		default:
			out[name] = "true"
		}
	}
	return out
}

// yamlSettings reads the scalars of a file; found is false if there is none.
func (r *Reader) yamlSettings(path string) (settings map[string]string, found bool, err error) {
	content, found, err := r.followed(path)
	if err != nil || !found {
		return nil, found, err
	}
	settings, err = yamlScalars(content)
	if err != nil {
		return nil, true, errors.New("cannot read " + path + ": " + err.Error())
	}
	return settings, true, nil
}

// manifestArgv are the words of the lists in a pod's manifest that are flags.
func (r *Reader) manifestArgv(path string) (argv []string, found bool, err error) {
	content, found, err := r.followed(path)
	return yamlFlags(content), found, err
}

// followed is the content of a file, links followed.
func (r *Reader) followed(path string) (content string, found bool, err error) {
	real, what, err := r.Follow(path)
	if err != nil || what != resource.Regular {
		return "", false, err
	}
	f, err := r.File(real)
	return string(f.Content), err == nil, err
}

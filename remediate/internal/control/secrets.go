package control

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Places where a policy may ask to look.
const (
	inEnvironment = "environment"
	inLabels      = "labels"
	inCommands    = "commands"
	inFiles       = "files"
	inHistory     = "image-history"
)

// secretControls are D06. Findings name the place and the shape, never a value.
func secretControls() []Control {
	make := func(id, title, place, why, how, remedy string, look func(*tally, *resource.Container) []string) Control {
		return Control{
			ID: id, Title: title, Severity: resource.High, Level: 1, OWASP: []string{"D06"}, Why: why, Remedy: remedy,
			How:   how + " secrets.names of the policy adds names, secrets.ignore leaves some out. The value is never shown.",
			judge: func(t *tally) { t.secretsIn(place, look) },
		}
	}
	return []Control{
		make("secret-environment", "No secrets are in variables of containers", inEnvironment,
			"docker inspect, every child process and many crash reports show them.", "Names and shapes of the variables of each container.", "a mounted file, or docker secret", lookEnvironment),
		make("secret-labels", "No secrets are in labels", inLabels,
			"Labels are shown by docker ps, and copied by whatever watches the daemon.", "Names and shapes of the labels of each container.", "a mounted file, or docker secret", lookLabels),
		make("secret-commands", "No secrets are on command lines", inCommands,
			"Every user of the host reads command lines in /proc.", "Words of the command line of each container.", "a mounted file, or docker secret", lookCommand),
		make("secret-files", "No files with keys are mounted", inFiles,
			"A key that is in a container is lost with it.", "Names of files and directories that are mounted into each container: keys, .env, credentials of clouds, clusters and registries.", "docker secret, or a file with the one secret that it needs", lookFiles),
	}
}

// secretsIn judges each container, unless the policy does not look there.
func (t *tally) secretsIn(place string, look func(*tally, *resource.Container) []string) {
	if p := t.p.Secrets; p != nil && len(p.LookIn) > 0 && !slices.Contains(p.LookIn, place) {
		t.nothing("the policy does not look there")
		return
	}
	each(func(t *tally, c *resource.Container) *flaw {
		found := look(t, c)
		if len(found) == 0 {
			return nil
		}
		return &flaw{join(found), "none", ""}
	})(t)
}

// shapes are those of secrets that say what they are.
var shapes = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"a key of AWS":                regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`),
		"a token of GitHub":           regexp.MustCompile(`\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})`),
		"a token of GitLab":           regexp.MustCompile(`\bglpat-[0-9A-Za-z_-]{20,}`),
		"a token of Slack":            regexp.MustCompile(`\bxox[abprs]-[0-9A-Za-z-]{10,}`),
		"a key of Google":             regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`),
		"a key of Stripe":             regexp.MustCompile(`\b[sr]k_live_[0-9A-Za-z]{16,}`),
		"a private key":               regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`),
		"a signed token (JWT)":        regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.`),
		"an address with a token":     regexp.MustCompile(`\bhttps?://[0-9A-Za-z_-]{16,}@`),
		"an address with a password":  regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:[^/\s@]+@`),
		"a secret that was taken out": regexp.MustCompile(regexp.QuoteMeta(daemonjson.Redacted)),
	}
})

// shape names what a text is, "" if it looks like no secret.
func shape(text string) string {
	for _, name := range slices.Sorted(maps.Keys(shapes())) {
		if shapes()[name].MatchString(text) {
			return name
		}
	}
	if resource.LooksToken(text) {
		return "a token"
	}
	return ""
}

// A namer reports whether a name tells that its value is a secret.
type namer func(string) bool

// suspicious says what makes NAME=VALUE a secret. A name that tells counts only
// with a value that is one: not a path of a file that holds it, not a flag.
func (t *tally) suspicious(tells namer, name, value string) string {
	if t.ignored(name) {
		return ""
	}
	if s := shape(value); s != "" && (value != daemonjson.Redacted || !resource.Pointer(name)) {
		return plainName(name) + " holds " + s
	}
	if !tells(name) && !t.named(name) || resource.Harmless(name, value) {
		return ""
	}
	return plainName(name) + " by its name"
}

// ignored reports whether the policy leaves a name out.
func (t *tally) ignored(name string) bool {
	return t.p.Secrets != nil && slices.ContainsFunc(t.p.Secrets.Ignore, func(g string) bool { return glob(g, name) })
}

// named reports whether the policy names it.
func (t *tally) named(name string) bool {
	return t.p.Secrets != nil &&
		slices.ContainsFunc(t.p.Secrets.Names, func(g string) bool { return glob(strings.ToLower(g), strings.ToLower(name)) })
}

var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z_./-]{1,100}$`) })

// plainName is a name as a finding shows it. What stands before the first = may be
// anything, half a script or an address with a password in it.
func plainName(name string) string {
	if !plain().MatchString(name) || shape(name) != "" {
		return "a word"
	}
	return name
}

func lookEnvironment(t *tally, c *resource.Container) []string {
	return t.pairs(c.Spec.Env)
}

// pairs looks at variables, and at values that are words themselves:
// JAVA_OPTS=-Dpassword=...
func (t *tally) pairs(all []string) []string {
	var found []string
	for _, pair := range all {
		name, value, _ := strings.Cut(pair, "=")
		if s := t.suspicious(resource.NamesSecretVariable, name, value); s != "" {
			found = append(found, s)
		} else if strings.Contains(value, "=") && !t.ignored(name) {
			found = append(found, t.words(resource.NamesSecretVariable, strings.Fields(value))...)
		}
	}
	return found
}

func lookLabels(t *tally, c *resource.Container) []string {
	var found []string
	for name, value := range c.Labels {
		if s := t.suspicious(resource.NamesSecret, name, value); s != "" {
			found = append(found, s)
		}
	}
	return found
}

func lookCommand(t *tally, c *resource.Container) []string {
	return t.words(resource.NamesSecretVariable, c.Spec.Command)
}

// words looks at --password=X, --password X and words that have a shape. A word
// with blanks is a script: it is looked at as a whole, and word by word.
func (t *tally) words(tells namer, all []string) []string {
	var found []string
	for i, word := range all {
		name, value, given := strings.Cut(word, "=")
		flag := strings.HasPrefix(word, "-")
		switch {
		case strings.ContainsAny(word, " \t\n"):
			found = append(found, t.words(tells, strings.Fields(word))...)
			name, value = "a word", word
		case given:
		case flag && i+1 < len(all) && !strings.HasPrefix(all[i+1], "-"):
			value = all[i+1]
		default:
			name, value = "a word", word
		}
		if s := t.suspicious(tells, strings.TrimLeft(name, "-"), strings.Trim(value, `"'`)); s != "" && !strings.HasPrefix(value, "$") {
			found = append(found, s)
		}
	}
	return found
}

var keyFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|/)(\.env(\.[a-z]+)?|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks|keystore|kdbx)|\.(ssh|aws|azure|gcloud|kube)(/.*)?|kubeconfig|\.docker(/config\.json)?|\.netrc|\.npmrc|\.pgpass|\.git-credentials|credentials(\.json)?|service[-_]account[^/]*\.json)$`)
})

func lookFiles(_ *tally, c *resource.Container) []string {
	var found []string
	for _, m := range binds(c) {
		if keyFile().MatchString(m.Source) && !public(m.Source) {
			found = append(found, m.Source)
		}
	}
	return found
}

// public is what lies beside keys and is for all to see.
func public(p string) bool {
	return below(p, "/etc/ssl/certs") || strings.HasSuffix(p, ".pub") || strings.HasSuffix(p, "/known_hosts")
}

// judgeImageSecrets looks at what everybody who pulls an image can read.
func judgeImageSecrets(t *tally) {
	if p := t.p.Secrets; p != nil && len(p.LookIn) > 0 && !slices.Contains(p.LookIn, inHistory) {
		t.nothing("the policy does not look there")
		return
	}
	eachHistory(func(i *resource.Image) *flaw {
		found := t.pairs(i.Env)
		for _, step := range i.History {
			for _, f := range t.words(resource.NamesSecret, strings.Fields(step)) {
				found = append(found, "history: "+f)
			}
		}
		if len(found) == 0 {
			return nil
		}
		return &flaw{join(found), "none", ""}
	})(t)
}

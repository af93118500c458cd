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

// suspicious says what makes NAME=VALUE a secret. A name that tells counts only
// with a value that is one: not a path of a file that holds it, not a flag.
func (t *tally) suspicious(name, value string) string {
	if p := t.p.Secrets; p != nil && slices.ContainsFunc(p.Ignore, func(g string) bool { return glob(g, name) }) {
		return ""
	}
	if s := shape(value); s != "" {
		return name + " holds " + s
	}
	if !t.telling(name) || resource.Harmless(name, value) {
		return ""
	}
	return name + " by its name"
}

func (t *tally) telling(name string) bool {
	return resource.NamesSecretVariable(name) || t.p.Secrets != nil &&
		slices.ContainsFunc(t.p.Secrets.Names, func(g string) bool { return glob(strings.ToLower(g), strings.ToLower(name)) })
}

func lookEnvironment(t *tally, c *resource.Container) []string {
	return t.pairs(c.Spec.Env)
}

func (t *tally) pairs(all []string) []string {
	var found []string
	for _, pair := range all {
		name, value, _ := strings.Cut(pair, "=")
		if s := t.suspicious(name, value); s != "" {
			found = append(found, s)
		}
	}
	return found
}

func lookLabels(t *tally, c *resource.Container) []string {
	var found []string
	for name, value := range c.Labels {
		if s := t.suspicious(name, value); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// lookCommand looks at --password=X, --password X and words that have a shape.
func lookCommand(t *tally, c *resource.Container) []string {
	var found []string
	for i, word := range c.Spec.Command {
		name, value, given := strings.Cut(word, "=")
		flag := strings.TrimLeft(name, "-")
		switch {
		case given:
		case strings.HasPrefix(word, "-") && i+1 < len(c.Spec.Command) && !strings.HasPrefix(c.Spec.Command[i+1], "-"):
			value = c.Spec.Command[i+1]
		default:
			flag, value = "a word", word
			if shape(word) == "" {
				continue
			}
		}
		if s := t.suspicious(flag, value); s != "" {
			found = append(found, s)
		}
	}
	return found
}

var keyFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|/)(\.env(\.[a-z]+)?|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks|keystore|kdbx)|\.ssh|\.aws|\.azure|\.gcloud|\.kube|kubeconfig|\.docker(/config\.json)?|\.netrc|\.npmrc|\.pgpass|\.git-credentials|credentials(\.json)?|service[-_]account[^/]*\.json)$`)
})

func lookFiles(_ *tally, c *resource.Container) []string {
	var found []string
	for _, m := range binds(c) {
		if keyFile().MatchString(m.Source) && !strings.HasPrefix(m.Source, "/etc/ssl/certs") {
			found = append(found, m.Source)
		}
	}
	return found
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
			found = append(found, t.inStep(step)...)
		}
		if len(found) == 0 {
			return nil
		}
		return &flaw{join(found), "none", ""}
	})(t)
}

// inStep looks at words of a step: ENV and ARG values, and commands.
func (t *tally) inStep(step string) []string {
	var found []string
	for word := range strings.FieldsSeq(step) {
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !given {
			name, value = "a word", word
		}
		if s := t.suspicious(name, strings.Trim(value, `"'`)); s != "" && (given || shape(word) != "") && !strings.HasPrefix(value, "$") {
			found = append(found, "history: "+s)
		}
	}
	return found
}

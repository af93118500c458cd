package resource

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

var (
	secretName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)passw|passphrase|token|secret|credential|^auths?$|auth-?key|api-?key|access-?key|private-?key`)
	})
	userinfo   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)//.*@|^[^/\s@]+:[^/\s@]+@`) })
	secretPair = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(passw|passphrase|token|secret|credential|api-?key|access-?key|private-?key)[^=\s]*=.`)
	})
)

// NamesSecret reports whether the value under a key of this name counts as a
// secret: splunk-token.
func NamesSecret(key string) bool { return secretName().MatchString(key) }

// LooksSecret reports whether a text by itself counts as one: an address with a
// user in it, token=....
func LooksSecret(text string) bool { return userinfo().MatchString(text) || IsSecretPair(text) }

// IsSecretPair reports whether a text is NAME=VALUE with a name that tells.
func IsSecretPair(text string) bool { return secretPair().MatchString(text) }

var (
	secretVariable = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(^|[-_.])(pass|pwd|pw|key|auth|cred|creds|dsn|salt|cookie|session)$|pass(wd|word|phrase)?$|(api|access|private|auth|encryption|signing|master)[-_.]?key`)
	})
	tokenShape = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsur]_[0-9A-Za-z]{20,}|\bgithub_pat_[0-9A-Za-z_]{20,}|\bglpat-[0-9A-Za-z_-]{16,}|\bxox[abposr]-[0-9A-Za-z-]{10,}|\bsk_(live|test)_[0-9A-Za-z]{10,}|\bAIza[0-9A-Za-z_-]{35}|\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}|\bSWMTKN-1-|(?i:\b(bearer|basic)\s+[0-9a-z._~+/=-]{8,})`)
	})
)

// NamesSecretVariable is NamesSecret for the names of environment variables and
// flags, which have other habits: DB_PASS, SIGNING_KEY, requirepass.
func NamesSecretVariable(name string) bool {
	return NamesSecret(name) || secretVariable().MatchString(name)
}

// LooksToken reports whether a text has a credential in a form that is known:
// private keys, keys of clouds and forges, JSON web tokens, a swarm's join
// token, what follows Bearer.
func LooksToken(text string) bool { return tokenShape().MatchString(text) }

// NotKept stands in a written snapshot for the value of a variable that looks
// like no secret: who named it may know better.
const NotKept = "<not kept>"

// Harmless reports whether a value under a telling name is no secret itself: a
// switch, or the path of a file that holds it.
func Harmless(name, value string) bool {
	switch strings.ToLower(value) {
	case "", "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null":
		return true
	}
	return Pointer(name) || place().MatchString(value)
}

// Pointer reports whether a name is one of what says where the secret is, or of
// what is for all to see.
func Pointer(name string) bool {
	upper := strings.ToUpper(name)
	return slices.ContainsFunc([]string{"_FILE", "_PATH", "_DIR", "GPG_KEY", "GPG_KEYS", "PUBLIC_KEY", "PUBKEY"}, func(end string) bool {
		return strings.HasSuffix(upper, end)
	})
}

// place is the beginning of a path: a secret may start with a slash too.
var place = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/(app|bin|certs|config|data|dev|etc|home|lib|mnt|opt|proc|root|run|secrets|srv|sys|tmp|usr|var|vault)(/|$)`)
})

package resource

import (
	"regexp"
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

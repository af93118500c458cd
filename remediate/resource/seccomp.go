package resource

// Seccomp is what decides about the system calls that containers may make,
// besides daemon.json.
type Seccomp struct {
	// Runtime is the first line of runc --version, e.g. "runc version 1.1.5".
	Runtime string `json:"runtime,omitempty"`
	// Libseccomp is the version of the library that runc compiles filters
	// with, e.g. "2.5.4"; "" if not known. Names of system calls that it does
	// not know are passed over in silence.
	Libseccomp string `json:"libseccomp,omitempty"`
	// Source is the policy's own profile; nil if it has none.
	Source *Fact[File] `json:"source,omitempty"`
	// Profile is the file that the policy leads to, absent or not.
	Profile File `json:"profile"`
	// Dir is the folder of Profile.
	Dir Fingerprint `json:"dir,omitzero"`
	// Former is the file of bulwark's that daemon.json names now, if that is
	// another one; nil if there is none.
	Former *File `json:"former,omitempty"`
	// Filters are those that running containers were given, by the id of the
	// container, as far as they could be read.
	Filters map[string]SeccompFilter `json:"filters,omitempty"`
}

// A SeccompFilter is what a container was given when it started.
type SeccompFilter struct {
	// Digest tells filters apart; "" is none.
	Digest string `json:"digest,omitempty"`
	// Caps is the bounding set: dockerd resolves a profile by it.
	Caps []string `json:"caps,omitempty"`
}

// States of the Seccomp line in /proc/PID/status (proc(5)).
const (
	SeccompModeNone   = 0
	SeccompModeStrict = 1
	SeccompModeFilter = 2
)

package seccomp

import (
	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// BaseVersion is the release of github.com/moby/profiles/seccomp that base is
// made of; a test holds it to go.mod.
const BaseVersion = "0.2.4"

// A Profile is a profile as dockerd reads it.
type Profile = profiles.Seccomp

// base returns a profile of its own on each call: derivation edits it.
func base() *Profile { return profiles.DefaultProfile() }

// nosys is ENOSYS on every architecture that Docker has but mips, where dockerd
// itself writes the number of the machine it runs on.
const nosys = 38

// allows reports whether a rule lets calls through.
func allows(r *profiles.Syscall) bool {
	return r.Action == specs.ActAllow || r.Action == specs.ActLog
}

// Package seccomp derives the profile that dockerd gives to containers, judges
// profiles of others, and tells what two of them have different.
//
// A profile is what dockerd's key seccomp-profile names: the Linux seccomp part
// of an OCI runtime configuration, plus conditions by capability, architecture
// and kernel, which dockerd resolves at each start of a container. A copy of
// the engine's default would freeze it and lose what later engines mend, so a
// profile is computed at each plan: a pinned base, less what the engine at hand
// does not allow itself, less what the policy denies.
package seccomp

// Package templates holds the files that bulwark writes to a host as they
// are: systemd units, and later seccomp profiles and audit rules.
package templates

import _ "embed"

//go:embed systemd/bulwark-recover.service
var recoverUnit []byte

//go:embed systemd/bulwark-egress.service
var egressUnit []byte

//go:embed systemd/bulwark-recover-limits.service
var recoverLimitsUnit []byte

// RecoverLimitsUnit is the unit that recovers what takes a running dockerd.
func RecoverLimitsUnit() []byte { return recoverLimitsUnit }

// RecoverUnit is the unit that recovers at boot, before dockerd starts.
func RecoverUnit() []byte { return recoverUnit }

// EgressUnit is the unit that loads the egress rules at boot, before dockerd
// starts.
func EgressUnit() []byte { return egressUnit }

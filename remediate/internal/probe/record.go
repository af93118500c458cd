package probe

// recordProbes are about logs and audit records.
func recordProbes() []Probe { return nil }

package probe

// netProbes are about connections.
func netProbes() []Probe { return nil }

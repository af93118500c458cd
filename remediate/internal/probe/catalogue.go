package probe

import "slices"

// All are the probes, in the order in which they are made.
func All() []Probe { return slices.Concat(containerProbes(), netProbes(), recordProbes()) }

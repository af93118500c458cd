package probe

import (
	"slices"

	"github.com/bulwark-project/bulwark/plans"
)

// containerProbes are about what keeps a container apart from the host.
func containerProbes() []Probe {
	return slices.Concat(identityProbes(), seccompProbes(), limitProbes(), fileProbes())
}

// always is the Wanted of what the kernel and the engine do for every container.
func always(*plans.Policy) bool { return true }

// stated is the Wanted of a key of daemon.json that a policy sets.
func stated(key, value string) func(*plans.Policy) bool {
	return func(p *plans.Policy) bool {
		if p == nil {
			return true
		}
		v, ok := p.Daemon[key]
		return ok && string(v) != "null" && (value == "" || string(v) == value)
	}
}

func wantsUserns(p *plans.Policy) bool {
	return p == nil || p.Userns != nil && p.Userns.Remap != plans.Off
}

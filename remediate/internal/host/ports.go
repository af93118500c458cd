package host

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// portsOf are the published ports, sorted: those that are bound, and of a
// container that is not bound those that its next start binds. HostPort is then
// 0 if the daemon chooses, and the first of a range.
func portsOf(in container.InspectResponse) []resource.Port {
	var bound, asked network.PortMap
	if in.NetworkSettings != nil {
		bound = in.NetworkSettings.Ports
	}
	if in.HostConfig != nil && publishes(in.HostConfig.NetworkMode) {
		asked = askedPorts(in)
	}
	var out []resource.Port
	for port, bindings := range bound {
		out = addPorts(out, port, bindings)
	}
	for port, bindings := range asked {
		if len(bound[port]) == 0 {
			out = addPorts(out, port, bindings)
		}
	}
	slices.SortFunc(out, comparePorts)
	return slices.Compact(out)
}

// publishes: with another's network, or none, dockerd discards bindings.
func publishes(m container.NetworkMode) bool { return !m.IsHost() && !m.IsNone() && !m.IsContainer() }

func askedPorts(in container.InspectResponse) network.PortMap {
	asked := network.PortMap{}
	if in.HostConfig.PublishAllPorts && in.Config != nil {
		for port := range in.Config.ExposedPorts {
			asked[port] = []network.PortBinding{{}}
		}
	}
	for port, bindings := range in.HostConfig.PortBindings {
		if len(bindings) > 0 {
			asked[port] = bindings
		}
	}
	return asked
}

func addPorts(out []resource.Port, port network.Port, bindings []network.PortBinding) []resource.Port {
	for _, b := range bindings {
		p := resource.Port{Container: port.String()}
		if b.HostIP.IsValid() {
			p.HostIP = b.HostIP.String()
		}
		first, _, _ := strings.Cut(b.HostPort, "-")
		if n, err := strconv.ParseUint(first, 10, 16); err == nil {
			p.HostPort = int(n)
		}
		out = append(out, p)
	}
	return out
}

func comparePorts(a, b resource.Port) int {
	return cmp.Or(cmp.Compare(a.HostPort, b.HostPort), cmp.Compare(a.Container, b.Container), cmp.Compare(a.HostIP, b.HostIP))
}

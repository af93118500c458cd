package host

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// networksTimeout bounds a question that is asked after all others: a daemon that
// has begun to hang meanwhile must not make plan hang.
const networksTimeout = 15 * time.Second

// Networks lists the daemon's networks, by name.
func (r *Reader) Networks(ctx context.Context) ([]resource.Network, error) {
	if !r.Live() {
		return nil, errImage
	}
	ctx, cancel := context.WithTimeout(ctx, networksTimeout)
	defer cancel()
	c, err := dial(r.dockerHost, boundList)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return networks(ctx, c)
}

// Networks lists the daemon's networks, by name.
func (d *Docker) Networks(ctx context.Context) ([]resource.Network, error) {
	ctx, cancel := context.WithTimeout(ctx, networksTimeout)
	defer cancel()
	return networks(ctx, d.c)
}

func networks(ctx context.Context, c *client.Client) ([]resource.Network, error) {
	list, err := c.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, apiError(err)
	}
	out := make([]resource.Network, 0, len(list.Items))
	for _, n := range list.Items {
		out = append(out, fromNetwork(n.Network))
	}
	slices.SortFunc(out, func(a, b resource.Network) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return out, nil
}

func fromNetwork(n network.Network) resource.Network {
	out := resource.Network{
		ID: n.ID, Name: n.Name, Driver: n.Driver, Scope: n.Scope,
		Internal: n.Internal, IPv6: n.EnableIPv6, Bridge: bridgeOf(n),
		Ingress: n.Ingress, Attachable: n.Attachable, Encrypted: encrypted(n),
	}
	for _, c := range n.IPAM.Config {
		if c.Subnet.IsValid() {
			out.Subnets = append(out.Subnets, c.Subnet.Masked().String())
		}
	}
	return out
}

// encrypted: the option counts by being there, even as encrypted=false (moby
// daemon/libnetwork/drivers/overlay/ov_network.go, CreateNetwork).
func encrypted(n network.Network) bool {
	_, ok := n.Options["encrypted"]
	return ok && n.Driver == "overlay"
}

// bridgeName is the option that names a bridge network's interface.
const bridgeName = "com.docker.network.bridge.name"

// bridgeOf is the interface of a network of the driver bridge; libnetwork
// derives its name from the id when no option names it.
func bridgeOf(n network.Network) string {
	switch name := n.Options[bridgeName]; {
	case n.Driver != "bridge":
		return ""
	case name != "":
		return name
	case n.Name == "bridge":
		return "docker0"
	case len(n.ID) >= 12 && strings.Trim(n.ID[:12], "0123456789abcdef") == "":
		return "br-" + n.ID[:12]
	}
	return ""
}

// endpoints are a running container's places, by name of the network; one
// that does not run has no addresses.
func endpoints(in container.InspectResponse) []resource.Endpoint {
	if in.State == nil || !in.State.Running || in.NetworkSettings == nil {
		return nil
	}
	var out []resource.Endpoint
	for name, e := range in.NetworkSettings.Networks {
		place := resource.Endpoint{Network: name}
		if e != nil {
			place.IPs = valid(e.IPAddress, e.GlobalIPv6Address)
		}
		out = append(out, place)
	}
	slices.SortFunc(out, func(a, b resource.Endpoint) int { return strings.Compare(a.Network, b.Network) })
	return out
}

func valid(addresses ...netip.Addr) []string {
	var out []string
	for _, a := range addresses {
		if a.IsValid() {
			out = append(out, a.String())
		}
	}
	return out
}

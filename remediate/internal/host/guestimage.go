package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

func isConflict(err error) bool { return errdefs.IsConflict(err) }

// ImportImage makes an image of one layer, which tar is, under a name; changes
// are lines of a Dockerfile.
func (d *Docker) ImportImage(ctx context.Context, name string, changes []string, tar io.Reader) error {
	from := client.ImageImportSource{Source: tar, SourceName: "-"}
	res, err := d.c.ImageImport(ctx, from, name, client.ImageImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("cannot import an image: %w", apiError(err))
	}
	defer res.Close()
	for dec := json.NewDecoder(res); ; {
		var line struct {
			Error string `json:"error"`
		}
		switch err := dec.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cannot import an image: %w", said(err))
		case line.Error != "":
			return fmt.Errorf("cannot import an image: %w", said(errors.New(line.Error)))
		}
	}
}

// RemoveImage removes an image by name; that there is none is no error.
func (d *Docker) RemoveImage(ctx context.Context, name string) error {
	return insist(ctx, func() error {
		_, err := d.c.ImageRemove(ctx, name, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		return err
	})
}

// MakeNetwork makes a bridge network. A subnet for IPv6 that is valid makes it
// one of both families, with the first address as gateway.
func (d *Docker) MakeNetwork(ctx context.Context, name string, labels map[string]string, v6 netip.Prefix) error {
	o := client.NetworkCreateOptions{Driver: "bridge", Labels: labels}
	if v6.IsValid() {
		yes := true
		o.EnableIPv6 = &yes
		o.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: v6, Gateway: v6.Addr().Next()}}}
	}
	_, err := d.c.NetworkCreate(ctx, name, o)
	if err != nil {
		return apiError(err)
	}
	return nil
}

// Gateways are the host's addresses on a network; "" where it has none.
func (d *Docker) Gateways(ctx context.Context, name string) (v4, v6 string, err error) {
	res, err := d.c.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if err != nil {
		return "", "", apiError(err)
	}
	for _, c := range res.Network.IPAM.Config {
		switch {
		case c.Gateway.Is4():
			v4 = c.Gateway.String()
		case c.Gateway.Is6():
			v6 = c.Gateway.String()
		}
	}
	return v4, v6, nil
}

// RemoveNetwork removes a network; that there is none is no error.
func (d *Docker) RemoveNetwork(ctx context.Context, name string) error {
	return insist(ctx, func() error {
		_, err := d.c.NetworkRemove(ctx, name, client.NetworkRemoveOptions{})
		return err
	})
}

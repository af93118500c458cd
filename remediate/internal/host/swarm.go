package host

import (
	"context"
	"encoding/json"
	"path"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// readSwarm asks what this node knows of its swarm: /info, and of a manager
// also the lists of nodes, services and secrets.
func (r *Reader) readSwarm(ctx context.Context, dataRoot string) (resource.Swarm, error) {
	c, err := dial(r.dockerHost, boundList)
	if err != nil {
		return resource.Swarm{}, err
	}
	defer c.Close()
	i, err := c.Info(ctx, client.InfoOptions{})
	if err != nil {
		return resource.Swarm{}, apiError(err)
	}
	out := fromSwarm(i.Info.Swarm)
	if out.State == string(swarm.LocalNodeStateInactive) {
		return out, nil
	}
	out.DataPath = r.dataPath(dataRoot)
	if !out.Manager {
		return out, nil
	}
	return out, countSwarm(ctx, c, &out)
}

func fromSwarm(i swarm.Info) resource.Swarm {
	out := resource.Swarm{
		State: string(i.LocalNodeState), Manager: i.ControlAvailable,
		Managers: i.Managers, Nodes: i.Nodes, Advertise: i.NodeAddr,
	}
	if out.State == "" {
		out.State = string(swarm.LocalNodeStateInactive)
	}
	if out.Managers == 0 { // workers are told only the managers' addresses
		out.Managers = len(i.RemoteManagers)
	}
	if i.Cluster != nil {
		out.Autolock = i.Cluster.Spec.EncryptionConfig.AutoLockManagers
		out.CertExpiry = int64(i.Cluster.Spec.CAConfig.NodeCertExpiry)
	}
	return out
}

func countSwarm(ctx context.Context, c *client.Client, out *resource.Swarm) error {
	nodes, err := c.NodeList(ctx, client.NodeListOptions{})
	if err != nil {
		return apiError(err)
	}
	for _, n := range nodes.Items {
		if n.ManagerStatus != nil && n.Spec.Availability == swarm.NodeAvailabilityDrain {
			out.Drained++
		}
	}
	services, err := c.ServiceList(ctx, client.ServiceListOptions{})
	if err != nil {
		return apiError(err)
	}
	secrets, err := c.SecretList(ctx, client.SecretListOptions{})
	if err != nil {
		return apiError(err)
	}
	out.Services, out.Secrets = len(services.Items), len(secrets.Items)
	return nil
}

// dataPath is DataPathAddr of docker swarm init, which the API does not tell
// but dockerd keeps (moby daemon/cluster/noderunner.go, nodeStartConfig). Only
// root may read it; "" is what the command uses without the option.
func (r *Reader) dataPath(dataRoot string) string {
	if dataRoot == "" {
		dataRoot = defaultDataRoot
	}
	f, err := r.File(path.Join(dataRoot, "swarm", "docker-state.json"))
	if err != nil {
		return ""
	}
	var kept struct{ DataPathAddr string }
	if json.Unmarshal(f.Content, &kept) != nil {
		return ""
	}
	return kept.DataPathAddr
}

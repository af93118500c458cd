package remediate

import (
	"context"

	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func (h *Host) openLab(ctx context.Context, s *resource.Snapshot, o ProveOptions) (closer, error) {
	return lab.Open(ctx, lab.Options{DockerHost: h.dockerHost, Policy: o.Policy, Targets: o.Targets, Snapshot: s, Progress: o.Progress})
}

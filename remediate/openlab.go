package remediate

import (
	"context"
	"errors"
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func (h *Host) openLab(ctx context.Context, s *resource.Snapshot, o ProveOptions) (closer, error) {
	l, err := lab.Open(ctx, lab.Options{
		DockerHost: h.dockerHost, Policy: o.Policy, Targets: o.Targets, Snapshot: s, Progress: o.Progress, Reserved: o.reserved,
	})
	if err != nil {
		return nil, provesElsewhere(err)
	}
	return l, nil
}

// reserve asks before anything changes for what a proof needs: what makes it
// impossible then would have everything taken back. The caller closes it.
func (h *Host) reserve(ctx context.Context, o ApplyOptions) (*lab.Reservation, error) {
	r, err := lab.Reserve(ctx, lab.Options{DockerHost: h.dockerHost}, o.LockTimeout)
	return r, provesElsewhere(err)
}

// provesElsewhere makes of a second proof what another run is everywhere.
func provesElsewhere(err error) error {
	if errors.Is(err, lab.ErrBusy) {
		return fmt.Errorf("%w: %w", err, &BusyError{Lock: lab.LockPath})
	}
	return err
}

package remediate

import (
	"context"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func (h *Host) openLab(_ context.Context, _ *resource.Snapshot, _ ProveOptions) (closer, error) {
	return nil, errors.New("cannot prove: not built yet")
}

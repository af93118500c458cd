package host

import (
	"context"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Audit is not written yet.
func (r *Reader) Audit(context.Context, []string) (resource.Audit, error) {
	return resource.Audit{}, errors.New("not written yet")
}

package host

import (
	"context"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Survey reads what only check asks about.
func (r *Reader) Survey(_ context.Context, _ resource.SurveyWant) resource.Survey {
	return resource.Survey{}
}

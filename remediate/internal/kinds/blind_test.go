package kinds_test

import (
	"context"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

var errBlind = errors.New("permission denied")

// blind is a reader that may read nothing.
type blind struct{}

func (blind) Root() string                          { return "/" }
func (blind) File(string) (resource.File, error)    { return resource.File{}, errBlind }
func (blind) Process(int) (resource.Process, error) { return resource.Process{}, errBlind }

func (blind) Fingerprint(string) (resource.Fingerprint, error) {
	return resource.Fingerprint{}, errBlind
}

func (blind) Unit(context.Context, string) (resource.Unit, error) { return resource.Unit{}, errBlind }

func (blind) Engine(context.Context) (resource.Engine, error) { return resource.Engine{}, errBlind }

func (blind) Containers(context.Context) ([]resource.Container, error) { return nil, errBlind }

func (blind) Survey(context.Context, resource.SurveyWant) resource.Survey { return resource.Survey{} }

func (blind) Query(context.Context, ...string) ([]byte, error) { return nil, errBlind }

func (blind) Networks(context.Context) ([]resource.Network, error) { return nil, errBlind }

func (blind) Firewall(context.Context) (resource.Firewall, error) {
	return resource.Firewall{}, errBlind
}

func (blind) Flows(context.Context, []string) ([]resource.Flow, error) { return nil, errBlind }

func (blind) Resolve(context.Context, string) ([]string, error) { return nil, errBlind }

func (blind) Audit(context.Context, []string) (resource.Audit, error) {
	return resource.Audit{}, errBlind
}

func (blind) Usage(context.Context, []resource.Container) map[string]resource.Usage {
	return nil
}

func (blind) Filters(context.Context, []resource.Container) map[string]resource.SeccompFilter {
	return nil
}

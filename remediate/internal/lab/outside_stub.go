package lab

import (
	"context"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// outside is what lies beyond the host's containers.
type outside struct{}

var errNoOutside = errors.New("this lab has no outside")

func openOutside() *outside { return &outside{} }

// Target returns an error.
func (*outside) Target(context.Context) (probe.Target, error) {
	return probe.Target{}, errNoOutside
}

// Listen returns an error.
func (*outside) Listen(context.Context) (int, error) { return 0, errNoOutside }

// Syslog returns an error.
func (*outside) Syslog(context.Context) (string, func() []string, error) {
	return "", nil, errNoOutside
}

// Records returns an error.
func (*outside) Records(context.Context, string, func() error) ([]string, error) {
	return nil, errNoOutside
}

// Close has nothing to remove.
func (*outside) Close() error { return nil }

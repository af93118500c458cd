package cli

import (
	"errors"
	"slices"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Isolate is remediate.Isolate, for main.
func Isolate() error { return remediate.Isolate() }

// checkTrust refuses to change the host by what others than root can write:
// this program, the files of the policy, and what else the command was given. The
// profile that a policy names is judged by its kind.
func (a *app) checkTrust(more ...string) error {
	if err := remediate.CheckProgram(); err != nil {
		return err
	}
	for _, path := range slices.Concat(a.policyFiles, more) {
		if err := remediate.CheckTrust(path); err != nil {
			return err
		}
	}
	return nil
}

// noteTrust says in a plan of root's what apply would refuse.
func (a *app) noteTrust(p *resource.Plan) {
	err := a.checkTrust()
	if err == nil {
		return
	}
	text := "apply refuses: " + err.Error()
	var u *remediate.UntrustedError
	if errors.As(err, &u) {
		text += " (" + u.Remedy + ")"
	}
	p.Impacts = append(p.Impacts, resource.Impact{Level: resource.WarningImpact, Text: text})
}

// remedies are hints that an error has itself.
func remedies(err error) []string {
	var untrusted *remediate.UntrustedError
	var unsafe *remediate.UnsafeError
	switch {
	case errors.As(err, &untrusted):
		return []string{untrusted.Remedy}
	case errors.As(err, &unsafe) && unsafe.Remedy != "":
		return []string{unsafe.Remedy}
	}
	return nil
}

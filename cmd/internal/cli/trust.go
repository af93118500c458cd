package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Isolate is remediate.Isolate, for main.
func Isolate() error { return remediate.Isolate() }

// checkTrust refuses to change the host by what others than root can write:
// this program, the files of the policy, and what else the command was given.
func (a *app) checkTrust(p *plans.Policy, more ...string) error {
	if err := remediate.CheckProgram(); err != nil {
		return err
	}
	for _, path := range slices.Concat(a.policyFiles, more) {
		if err := remediate.CheckTrust(path); err != nil {
			return err
		}
	}
	profile := a.profile(p)
	if profile == "" {
		return nil
	}
	err := remediate.CheckTrust(profile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the plan says it better
	}
	return err
}

// profile is the seccomp profile that a policy names, "" if it names none or one
// of an image.
func (a *app) profile(p *plans.Policy) string {
	if a.root != "/" {
		return ""
	}
	if p.Seccomp != nil {
		return p.Seccomp.File
	}
	var path string
	if json.Unmarshal(p.Daemon["seccomp-profile"], &path) != nil || !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// noteTrust says in a plan of root's what apply would refuse.
func (a *app) noteTrust(p *resource.Plan, policy *plans.Policy) {
	err := a.checkTrust(policy)
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

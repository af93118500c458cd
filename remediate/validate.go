package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulwark-project/bulwark/remediate/internal/containers"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// validate judges the staged files and rules as their readers will, while the
// host is still untouched.
func (h *Host) validate(ctx context.Context, s *resource.Snapshot, staged []txn.Staged, ops []resource.Operation) error {
	for _, op := range ops {
		if err := h.validateOperation(ctx, op); err != nil {
			return err
		}
	}
	if err := validateAudit(s, staged); err != nil {
		return err
	}
	for _, f := range staged {
		if f.Path != configPath(s) {
			continue
		}
		content, err := os.ReadFile(f.Temp)
		if err != nil {
			return fmt.Errorf("cannot read the staged %s: %w", f.Path, err)
		}
		if err := h.validateDaemon(ctx, s, f.Path, content); err != nil {
			return err
		}
	}
	return nil
}

// validateOperation judges a change of what is not a file.
func (h *Host) validateOperation(ctx context.Context, op resource.Operation) error {
	switch op.Kind {
	case egressStep:
		return validateRules(ctx, op)
	case auditStep:
		return validateKernel(ctx, op)
	case limitsStep:
		return (&containers.Step{DockerHost: h.dockerHost}).Check(ctx, op.Payload)
	}
	return nil
}

// validateRules loads rules where they harm nobody.
func validateRules(ctx context.Context, op resource.Operation) error {
	var p ruleset.Payload
	if err := json.Unmarshal(op.Payload, &p); err != nil {
		return fmt.Errorf("cannot read the plan's rules: %w", err)
	}
	return firewall.Validate(ctx, p.After)
}

func (h *Host) validateDaemon(ctx context.Context, s *resource.Snapshot, path string, content []byte) error {
	bin, ok := s.Binary.Get()
	if !ok {
		return nil
	}
	version, err := daemonjson.ParseVersion(bin.Version)
	if err != nil {
		return err
	}
	for _, p := range daemonjson.Check(path, content, version) {
		if p.Severity == daemonjson.Refused {
			return fmt.Errorf("internal error: the new daemon.json would be refused: %s", p)
		}
	}
	// The flag exists since 23.0; 20.10 ends with "unknown flag".
	// A wrapper script may take no notice of it and start a daemon.
	if !h.Live() || version.Before(23, 0) || filepath.Base(bin.Path) != "dockerd" {
		return nil
	}
	candidate, err := daemonjson.Edit(content, []resource.DaemonKey{{Key: "userns-remap"}})
	if err != nil {
		return err
	}
	if err := host.ValidateConfig(ctx, bin.Path, validateFlags(s), candidate); err != nil {
		// dockerd may quote what it refuses.
		return hiderOf(content, s.DaemonJSON.Value.Content).hideIn(err)
	}
	return nil
}

// validateFlags are the next start's flags without those that name the file
// or would make dockerd look for, or create, the remap account.
func validateFlags(s *resource.Snapshot) []string {
	flags, _ := s.Flags.Get()
	var argv []string
	for _, f := range flags {
		switch {
		case f.Name == "config-file" || f.Name == "userns-remap":
		case f.Bare:
			argv = append(argv, "--"+f.Name)
		default:
			argv = append(argv, "--"+f.Name+"="+f.Value)
		}
	}
	return argv
}

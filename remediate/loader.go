package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/templates"
)

// ensureLoader installs, before the first rule is loaded, the unit that loads
// the committed rules at boot, ahead of docker.service. It runs the copy of
// this program that ensureRecovery has made. Without systemd it does nothing; the plan has then
// said that the rules end with the next boot.
func (h *Host) ensureLoader(ctx context.Context) error {
	return h.withSystemd(ctx, func(sd *host.Systemd) error {
		return h.ensureUnit(ctx, sd, egress.LoaderUnit, templates.EgressUnit())
	})
}

// loadsRules reports whether a transaction puts rules into the kernel: one that
// only takes them away needs no loader, and must not fail for want of it.
func loadsRules(spec txn.Spec) (bool, error) {
	for _, s := range stepsOf(spec.Steps, egressStep) {
		var p ruleset.Payload
		if err := json.Unmarshal(s.Payload, &p); err != nil {
			return false, fmt.Errorf("cannot read the journal's egress step: %w", err)
		}
		if len(p.After) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// startLoader makes the unit active once its rules are there, which it only loads
// again: systemd passes a restart or reload of nftables.service on to active
// units alone. Without a record the unit's condition keeps it from starting,
// which is no error.
func (h *Host) startLoader(ctx context.Context) error {
	return h.withSystemd(ctx, func(sd *host.Systemd) error {
		u, err := sd.Unit(ctx, egress.LoaderUnit)
		if err != nil || u.ActiveState == "active" {
			return err
		}
		if err := sd.ResetFailed(ctx, egress.LoaderUnit); err != nil {
			return err
		}
		return sd.Start(ctx, egress.LoaderUnit)
	})
}

// withSystemd does nothing for an image and where systemd does not run.
func (h *Host) withSystemd(ctx context.Context, do func(*host.Systemd) error) error {
	if !h.Live() {
		return nil
	}
	sd, err := host.OpenSystemd(ctx)
	if errors.Is(err, host.ErrNoSystemd) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sd.Close()
	return do(sd)
}

// ensureUnit installs and enables a unit of bulwark's own. It does nothing
// when both is done.
func (h *Host) ensureUnit(ctx context.Context, sd *host.Systemd, name string, content []byte) error {
	wrote, err := h.install(unitDir, name, content, 0o644)
	if err != nil {
		return err
	}
	u, err := sd.Unit(ctx, name)
	if err == nil && !wrote && u.FileState == "enabled" && !u.NeedDaemonReload {
		return nil
	}
	return enable(ctx, sd, name)
}

// enable trusts no answer but what systemd says of the unit afterwards.
func enable(ctx context.Context, sd *host.Systemd, name string) error {
	if err := sd.Reload(ctx); err != nil {
		return fmt.Errorf("cannot make systemd read %s: %w", name, err)
	}
	if err := sd.Enable(ctx, name); err != nil {
		return fmt.Errorf("cannot enable %s: %w", name, err)
	}
	if err := sd.Reload(ctx); err != nil {
		return fmt.Errorf("cannot make systemd read %s: %w", name, err)
	}
	u, err := sd.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u.FileState != "enabled" {
		return fmt.Errorf("cannot enable %s: systemd says %q", name, u.FileState)
	}
	return nil
}

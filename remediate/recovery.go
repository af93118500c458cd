package remediate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/templates"
)

const (
	recoveryUnit = "bulwark-recover.service"
	limitsUnit   = "bulwark-recover-limits.service"
	unitDir      = "/etc/systemd/system"
	binDir       = "bin"
	binName      = "bulwark"
)

// ensureRecovery installs, before the first transaction, the unit that puts a
// half-made change back at boot, ahead of docker.service, and a copy of this
// program for it to run: a unit that names a program which is gone by then
// would fail when it is needed most. It does nothing when both are in place.
// Without systemd there is no boot unit; recovery then runs with the next
// command.
func (h *Host) ensureRecovery(ctx context.Context) error {
	return h.withSystemd(ctx, func(sd *host.Systemd) error {
		if err := h.copyProgram(); err != nil {
			return err
		}
		return h.ensureUnit(ctx, sd, recoveryUnit, templates.RecoverUnit())
	})
}

// ensureLimitsRecovery installs the unit that goes on at boot where that one
// cannot: dockerd has to run.
func (h *Host) ensureLimitsRecovery(ctx context.Context) error {
	return h.withSystemd(ctx, func(sd *host.Systemd) error {
		return h.ensureUnit(ctx, sd, limitsUnit, templates.RecoverLimitsUnit())
	})
}

// copyProgram makes a copy only of what nobody else can have written.
func (h *Host) copyProgram() error {
	if err := CheckProgram(); err != nil {
		return err
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	state, err := h.root.OpenDir(StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	if err := state.MakePrivate(binDir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	_, err = h.install(StateDir+"/"+binDir, binName, self, 0o700)
	return err
}

// install writes a file of bulwark's own and reports whether it had to.
func (h *Host) install(dir, name string, content []byte, mode uint32) (bool, error) {
	d, err := h.root.OpenDir(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	return d.Install(name, content, mode)
}

// cleanRecovery removes what a kill inside ensureRecovery or ensureLoader left.
func (h *Host) cleanRecovery() error {
	for _, own := range [][2]string{
		{unitDir, recoveryUnit}, {unitDir, egress.LoaderUnit}, {unitDir, limitsUnit}, {StateDir + "/" + binDir, binName},
	} {
		d, err := h.root.OpenDir(own[0])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = d.CleanInstall(own[1])
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

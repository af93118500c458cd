package remediate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/templates"
)

const (
	recoveryUnit = "bulwark-recover.service"
	unitDir      = "/etc/systemd/system"
	binDir       = "bin"
	binName      = "bulwark"
)

// ensureRecovery installs, before the first transaction, the unit that puts a
// half-made change back at boot, ahead of docker.service, and a copy of this
// program for it to run: a unit that names a program which is gone by then
// would fail when it is needed most. It does nothing when both are in place.
func (h *Host) ensureRecovery(ctx context.Context) error {
	if !h.Live() {
		return nil
	}
	sd, err := host.OpenSystemd(ctx)
	if errors.Is(err, host.ErrNoSystemd) {
		return nil // no boot unit; recovery then runs with the next command
	}
	if err != nil {
		return err
	}
	defer sd.Close()
	if err := h.copyProgram(); err != nil {
		return err
	}
	wrote, err := h.install(unitDir, recoveryUnit, templates.RecoverUnit(), 0o644)
	if err != nil {
		return err
	}
	u, err := sd.Unit(ctx, recoveryUnit)
	if err == nil && !wrote && u.FileState == "enabled" && !u.NeedDaemonReload {
		return nil
	}
	return enable(ctx, sd)
}

func enable(ctx context.Context, sd *host.Systemd) error {
	if err := sd.Reload(ctx); err != nil {
		return fmt.Errorf("cannot make systemd read %s: %w", recoveryUnit, err)
	}
	if err := sd.Enable(ctx, recoveryUnit); err != nil {
		return fmt.Errorf("cannot enable %s: %w", recoveryUnit, err)
	}
	if err := sd.Reload(ctx); err != nil {
		return fmt.Errorf("cannot make systemd read %s: %w", recoveryUnit, err)
	}
	u, err := sd.Unit(ctx, recoveryUnit)
	if err != nil {
		return err
	}
	if u.FileState != "enabled" {
		return fmt.Errorf("cannot enable %s: systemd says %q", recoveryUnit, u.FileState)
	}
	return nil
}

func (h *Host) copyProgram() error {
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

// cleanRecovery removes what a kill inside ensureRecovery left.
func (h *Host) cleanRecovery() error {
	for dir, name := range map[string]string{unitDir: recoveryUnit, StateDir + "/" + binDir: binName} {
		d, err := h.root.OpenDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = d.CleanInstall(name)
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/coreos/go-systemd/v22/util"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ErrNoSystemd says that the host was not booted with systemd.
var ErrNoSystemd = errors.New("systemd is not running")

// dialSystemd connects to the system bus, or as root without a bus to
// systemd's private socket.
func dialSystemd(ctx context.Context) (*dbus.Conn, error) {
	if !util.IsRunningSystemd() {
		return nil, ErrNoSystemd
	}
	conn, err := dbus.NewWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to systemd: %w", err)
	}
	return conn, nil
}

// Unit reads the properties of a unit. Any user may.
func (r *Reader) Unit(ctx context.Context, name string) (resource.Unit, error) {
	if !r.Live() {
		return resource.Unit{}, errImage
	}
	conn, err := dialSystemd(ctx)
	if err != nil {
		return resource.Unit{}, err
	}
	defer conn.Close()
	return readUnit(ctx, conn, name)
}

func readUnit(ctx context.Context, conn *dbus.Conn, name string) (resource.Unit, error) {
	p, err := conn.GetAllPropertiesContext(ctx, name)
	if err != nil {
		return resource.Unit{}, fmt.Errorf("cannot read unit %s: %w", name, err)
	}
	u := resource.Unit{
		Name:             name,
		LoadState:        prop[string](p, "LoadState"),
		ActiveState:      prop[string](p, "ActiveState"),
		SubState:         prop[string](p, "SubState"),
		FileState:        prop[string](p, "UnitFileState"),
		FragmentPath:     prop[string](p, "FragmentPath"),
		DropIns:          prop[[]string](p, "DropInPaths"),
		Environment:      prop[[]string](p, "Environment"),
		NeedDaemonReload: prop[bool](p, "NeedDaemonReload"),
		MainPID:          int(prop[uint32](p, "MainPID")),
		InvocationID:     hex.EncodeToString(prop[[]byte](p, "InvocationID")),
	}
	u.ExecStart = execStart(p["ExecStart"])
	u.EnvironmentFiles = environmentFiles(p["EnvironmentFiles"])
	return u, nil
}

func prop[T any](props map[string]any, name string) T {
	v, _ := props[name].(T)
	return v
}

// execStart takes the argv of the first command out of the property of type
// a(sasbttttuii): path, argv, ignore-failure, times, pid, status.
func execStart(v any) []string {
	for _, command := range rows(v) {
		if len(command) > 1 {
			argv, _ := command[1].([]string)
			return argv
		}
	}
	return nil
}

// environmentFiles reads type a(sb): path and whether it may be absent.
func environmentFiles(v any) []string {
	var files []string
	for _, f := range rows(v) {
		if len(f) < 2 {
			continue
		}
		path, _ := f[0].(string)
		if optional, _ := f[1].(bool); optional {
			path = "-" + path
		}
		files = append(files, path)
	}
	return files
}

func rows(v any) [][]any {
	r, _ := v.([][]any)
	return r
}

// BootID returns the kernel's id of this boot (random(4)).
func BootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot read the boot id: %w", err)
	}
	return string(b[:len(b)-1]), nil
}

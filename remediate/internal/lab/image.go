package lab

import (
	"archive/tar"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// imageName is the name of the image without its tag.
const imageName = "bulwark-probe"

// importImage makes the image: bulwark's own program, which is static, and a copy
// of it that is setuid root.
func (l *Lab) importImage(ctx context.Context) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeImage(w)) }()
	defer r.Close()
	changes := []string{`ENTRYPOINT ["/bulwark", "inside"]`, `LABEL ` + probe.Label + `=image`}
	return whole(ctx, func(ctx context.Context) error { return l.docker.ImportImage(ctx, l.image, changes, r) })
}

func writeImage(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, dir := range []tar.Header{
		{Name: "dev/", Mode: 0o755},
		{Name: "etc/", Mode: 0o755},
		{Name: "proc/", Mode: 0o555},
		{Name: "run/", Mode: 0o755},
		{Name: "sys/", Mode: 0o555},
		{Name: "tmp/", Mode: 0o1777},
	} {
		dir.Typeflag = tar.TypeDir
		if err := t.WriteHeader(&dir); err != nil {
			return err
		}
	}
	err := errors.Join(addProgram(t, "bulwark", 0o755), addProgram(t, "setuid", 0o4755))
	return errors.Join(err, t.Close())
}

// addProgram adds the running program: its file may have been replaced since it
// started, /proc/self/exe is what runs.
func addProgram(t *tar.Writer, name string, mode int64) error {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: st.Size(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// selfContained refuses a program that would not start in an empty image.
func selfContained() error {
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("this bulwark is not statically linked, and cannot run in a container of its own: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// sweep removes what labs have made, this one or an earlier one, and returns what
// it could not remove. The lock is held, so that none of it is in use.
func (l *Lab) sweep(ctx context.Context) (left []string) {
	for _, kind := range []struct {
		what   string
		list   func(context.Context, string) ([]host.Labelled, error)
		remove func(context.Context, string) error
		prefix string
	}{
		{"container", l.docker.LabelledContainers, l.docker.RemoveGuest, probe.Prefix},
		{"network", l.docker.LabelledNetworks, l.docker.RemoveNetwork, probe.Prefix},
		{"image", l.docker.LabelledImages, l.docker.RemoveImage, imageName + ":"},
	} {
		all, err := kind.list(ctx, probe.Label)
		if err != nil {
			left = append(left, fmt.Sprintf("%ss of the probes (%v)", kind.what, err))
			continue
		}
		for _, one := range ours(all, kind.prefix) {
			if err := kind.remove(ctx, one.remove); err != nil {
				left = append(left, fmt.Sprintf("%s %s (%v)", kind.what, one.name, err))
			}
		}
	}
	return append(left, l.removeDir()...)
}

type leftover struct{ name, remove string }

// ours are those that carry the label and have a name of a lab's. The label alone
// is not enough: whoever starts a container from the image of a lab inherits it.
// Containers and networks are removed by id, since a name may be another's by
// then; an image by its names, which leaves one that got another name in place.
func ours(all []host.Labelled, prefix string) []leftover {
	var out []leftover
	for _, one := range all {
		if _, labelled := one.Labels[probe.Label]; !labelled || one.ID == "" {
			continue
		}
		for _, name := range one.Names {
			switch {
			case !strings.HasPrefix(name, prefix):
			case prefix == probe.Prefix:
				out = append(out, leftover{name, one.ID})
			default:
				out = append(out, leftover{name, name})
			}
		}
	}
	return out
}

// removeDir removes the folder of labs if it is root's, as a lab makes it. What
// containers left in it may be links: os.RemoveAll follows none.
func (l *Lab) removeDir() []string {
	var st unix.Stat_t
	err := unix.Lstat(l.places.dir, &st)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != 0) {
		err = errors.New("it is no folder of root's")
	}
	if err == nil {
		err = os.RemoveAll(l.places.dir)
	}
	if err != nil {
		return []string{fmt.Sprintf("%s (%v)", l.places.dir, err)}
	}
	return nil
}

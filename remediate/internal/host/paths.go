package host

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxBelow bounds the files of one directory that are looked at.
const maxBelow = 500

// below ends a path that stands for a directory and everything in it.
const below = "/**"

// readPaths looks at each path, links followed. Of a directory with more files
// than are looked at, the pattern itself is unknown.
func (r *Reader) readPaths(ctx context.Context, paths []string) map[string]resource.Fact[resource.Fingerprint] {
	w := walk{r: r, out: map[string]resource.Fact[resource.Fingerprint]{}}
	for _, p := range paths {
		if ctx.Err() != nil {
			w.out[p] = resource.Unknown[resource.Fingerprint]("there was no time left to look at it")
			continue
		}
		if dir, ok := strings.CutSuffix(p, below); ok {
			w.tree(dir, p)
		} else {
			w.look(p)
		}
	}
	return w.out
}

type walk struct {
	r   *Reader
	out map[string]resource.Fact[resource.Fingerprint]
	// left is how many more files of the tree are looked at.
	left int
}

func (w *walk) look(p string) resource.FileType {
	_, print, err := w.r.Stat(p)
	if err != nil {
		w.out[p] = resource.Unknown[resource.Fingerprint](err.Error())
		return resource.Other
	}
	w.out[p] = resource.Known(print)
	return print.Type
}

// tree looks at dir, if it is one, and at what is in it.
func (w *walk) tree(dir, pattern string) {
	if w.left = maxBelow; w.look(dir) == resource.Dir {
		w.descend(dir, pattern)
	}
}

// descend does not go into directories by a link, which may lead in a circle;
// where the link ends is looked at.
func (w *walk) descend(dir, pattern string) {
	names, err := w.r.Names(dir)
	if err != nil {
		w.out[pattern] = resource.Unknown[resource.Fingerprint](err.Error())
		return
	}
	for _, name := range names {
		if w.left--; w.left < 0 {
			w.out[pattern] = resource.Unknown[resource.Fingerprint](fmt.Sprintf("there are more than %d files, and no more are looked at", maxBelow))
			return
		}
		p := path.Join(dir, name)
		if w.look(p) == resource.Dir && !w.r.IsLink(p) {
			w.descend(p, pattern)
		}
	}
}

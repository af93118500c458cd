package lab

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// measureLogs adds up the files of a container's log: the one that the daemon
// names, and those that were rotated away, which have its name with ".1" or
// ".1.gz" behind it.
func measureLogs(state host.GuestState, res *probe.Result) {
	if !strings.HasPrefix(state.LogPath, "/") {
		return
	}
	files, err := siblings(state.LogPath)
	if err != nil || len(files) == 0 {
		return
	}
	res.LogBytes, res.LogLargest = 0, 0
	for _, f := range files {
		st, err := os.Lstat(f)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		res.LogFiles++
		res.LogBytes += st.Size()
		res.LogLargest = max(res.LogLargest, st.Size())
	}
}

// siblings are the files whose names begin with that of path; no glob, for which
// a folder's name could be a pattern.
func siblings(path string) ([]string, error) {
	all, err := os.ReadDir(filepath.Dir(path))
	var out []string
	for _, e := range all {
		if strings.HasPrefix(e.Name(), filepath.Base(path)) {
			out = append(out, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return out, err
}

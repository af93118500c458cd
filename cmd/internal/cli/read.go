package cli

import (
	"fmt"
	"io"
	"os"
)

// Bounds of what is read: a device or pipe never ends.
const (
	maxPolicy   = 1 << 20
	maxSnapshot = 64 << 20
)

func readPolicy(path string) ([]byte, error) { return readAtMost(path, maxPolicy) }

// readAtMost reads a file that must not be larger than limit bytes.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return b, err
}

package remediate

import (
	"io"
	"os"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/inside"
)

// insideLife bounds the life of a container of a proof, whoever may be left to
// end it.
const insideLife = 2 * time.Minute

// Inside runs one attack of a proof, in a container of its own, and returns the
// exit code.
func Inside(args []string, out io.Writer) int {
	time.AfterFunc(insideLife, func() { os.Exit(1) })
	return inside.Main(args, out)
}

package cli

import (
	"io"

	"github.com/bulwark-project/bulwark/remediate"
)

// Inside runs this program as what bulwark prove starts in its containers, if the
// arguments say so. It is no command of users, has no help, and comes before all
// else that the program does: in these containers there is nothing but the program,
// and what holds there must be found out, not changed.
func Inside(args []string, out io.Writer) (code int, yes bool) {
	if len(args) == 0 || args[0] != "inside" {
		return 0, false
	}
	return remediate.Inside(args[1:], out), true
}

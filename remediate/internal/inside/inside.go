// Package inside is what runs in the containers of a proof: bulwark's own program,
// which tries one attack and prints what came of it as one JSON document.
package inside

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
)

// An attack tries one thing and returns what came of it, for JSON. An error is
// that it could not be tried.
type attack func(args []string) (any, error)

func attacks() map[string]attack {
	all := containerAttacks()
	maps.Copy(all, netAttacks())
	return all
}

// Main runs the attack that args name, and returns the exit code: 0 if it was
// tried, whatever came of it.
func Main(args []string, out io.Writer) int {
	if len(args) == 0 {
		return 1
	}
	a, known := attacks()[args[0]]
	if !known {
		fmt.Fprintf(out, `{"error":%q}`, "there is no attack "+args[0])
		return 1
	}
	result, err := a(args[1:])
	if err != nil {
		result = map[string]string{"error": err.Error()}
	}
	if json.NewEncoder(out).Encode(result) != nil || err != nil {
		return 1
	}
	return 0
}

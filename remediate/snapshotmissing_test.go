package remediate_test

import (
	"fmt"
	"testing"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Of a snapshot that holds nothing, nothing is in order, and nothing is absent.
func TestSnapshotWithoutFacts(t *testing.T) {
	for _, survey := range []string{"", `,"survey":{}`, `,"survey":{"value":{}}`, `,"survey":{"value":{"images":null}}`} {
		s, err := remediate.DecodeSnapshot(fmt.Appendf(nil, `{"format":1,"tool":"","taken":"2026-11-20T12:00:00Z","root":"/"%s}`, survey))
		if err != nil {
			t.Fatal(err)
		}
		r, err := remediate.Check(nil, s, remediate.CheckOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Controls {
			bound := c.ID == "image-registry" || c.ID == "image-age" || c.ID == "pipeline-paths" // judged by a policy only
			if c.Verdict != resource.Unjudged && c.Verdict != resource.ByHand && !bound {
				t.Errorf("%s: %s is %s (%s)", survey, c.ID, c.Verdict, c.Reason)
			}
		}
	}
}

package resource_test

import (
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// FuzzPrintable: nothing that commands a terminal stays, in text or in JSON,
// and JSON keeps its value.
func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[2J a\tb \u009b2J \u202e\u2066 \x7f\r\n \xc2 \x9b ü 世 \u2028")
	f.Fuzz(func(t *testing.T, s string) {
		clean := resource.Printable(s)
		for _, r := range clean {
			if r < ' ' && r != '\t' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%q has %U", clean, r)
			}
		}
		if again := resource.Printable(clean); again != clean {
			t.Errorf("%q, again %q", clean, again)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		out := resource.PrintableJSON(b)
		if text := resource.Printable(string(out)); text != string(out) {
			t.Errorf("%q commands a terminal", out)
		}
		var was, is string
		if json.Unmarshal(b, &was) != nil || json.Unmarshal(out, &is) != nil || was != is {
			t.Errorf("%q became %q", was, is)
		}
	})
}

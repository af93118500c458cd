package lab_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/lab"
)

const name = "bulwark-probe-x"

var upper = strings.ToUpper(hex.EncodeToString([]byte("/bulwark\x00inside\x00touch\x00/watched/" + name)))

// Records are as Linux 6.1 writes them.
var recordCases = []struct {
	title   string
	records []string
	want    []string
}{
	{"a file", []string{
		`audit(1700000000.123:42): arch=c000003e syscall=257 success=yes exit=3 auid=4294967295 comm="bulwark" exe="/bulwark" key="bulwark-docker-files"`,
		`audit(1700000000.123:42): cwd="/"`,
		`audit(1700000000.123:42): item=1 name="/watched/bulwark-probe-x" inode=12 nametype=CREATE`,
		`audit(1700000000.123:42): `,
	}, []string{"bulwark-docker-files"}},
	{"the name in another event", []string{
		`audit(1700000000.123:42): arch=c000003e syscall=257 key="bulwark-docker-files"`,
		`audit(1700000000.123:43): item=0 name="bulwark-probe-x"`,
		`audit(1700000000.124:42): item=0 name="bulwark-probe-x"`,
	}, nil},
	{"no key", []string{`audit(1.000:1): syscall=1 comm="bulwark-probe-x" key=(null)`}, nil},
	{"the command line, before the key", []string{
		`audit(1.000:7): proctitle=` + upper,
		`audit(1.000:7): syscall=272 key="bulwark-container-escape"`,
	}, []string{"bulwark-container-escape"}},
	{"two keys, in hex digits", []string{`audit(1.000:1): name="bulwark-probe-x" key=` + hex.EncodeToString([]byte("b\x01a"))}, []string{"a", "b"}},
	{"two events", []string{`audit(1.000:1): x=bulwark-probe-x key="b"`, `audit(1.000:2): x=bulwark-probe-x key="a"`, `audit(1.000:3): x=bulwark-probe-x key="b"`}, []string{"a", "b"}},
	{"no records", []string{"", "audit(", "audit(1.0:1)", "type=1 audit(1.0:1): x=bulwark-probe-x key=\"a\"", `audit(1.0:1): key=zz x=bulwark-probe-x key=`}, nil},
}

func TestRecordKeys(t *testing.T) {
	for _, c := range recordCases {
		if got := lab.KeysOf(name, c.records); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.title, got, c.want)
		}
	}
}

// FuzzRecords: whatever the kernel writes, keys are sorted, each once, and only
// where the text was.
func FuzzRecords(f *testing.F) {
	for _, c := range recordCases {
		f.Add(strings.Join(c.records, "\n"))
	}
	f.Fuzz(func(t *testing.T, all string) {
		keys := lab.KeysOf(name, strings.Split(all, "\n"))
		if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
			t.Errorf("%q", keys)
		}
		hexed := strings.ToUpper(hex.EncodeToString([]byte(name)))
		if len(keys) > 0 && !strings.Contains(all, name) && !strings.Contains(all, hexed) {
			t.Errorf("%q without the text", keys)
		}
	})
}

package limits_test

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type set = resource.ContainerLimits

// What Docker cannot lift comes back as a limit that nothing reaches; all else
// as it was.
func TestBack(t *testing.T) {
	none := set{Restart: "no"}
	full := set{Memory: 256 * mib, MemorySwap: -1, NanoCPUs: 5e8, Pids: 9, Restart: "always"}
	for _, c := range []struct{ before, after, back set }{
		{none, full, set{Memory: 1 << 62, MemorySwap: -1, NanoCPUs: 4e9, Restart: "no"}},
		{full, set{Memory: 64 * mib, MemorySwap: 64 * mib, NanoCPUs: 1e9, Pids: 1, Restart: "no"}, full},
		{none, set{Pids: 5, Restart: "no"}, none},
		{set{Memory: 64 * mib, Restart: "no"}, full, set{Memory: 64 * mib, MemorySwap: 128 * mib, NanoCPUs: 4e9, Restart: "no"}},
	} {
		if got := limits.Back(c.before, c.after, 4); got != c.back {
			t.Errorf("%+v -> %+v: back to %+v, want %+v", c.before, c.after, got, c.back)
		}
	}
}

// Memory and swap go in one request; unlimited swap takes a second one.
func TestUpdates(t *testing.T) {
	zero := int64(0)
	for _, c := range []struct {
		aspects []limits.Aspect
		target  set
		want    []resource.LimitsUpdate
	}{
		{nil, set{}, nil},
		{[]limits.Aspect{limits.Pids}, set{Memory: 5, MemorySwap: -1}, []resource.LimitsUpdate{{Pids: &zero}}},
		{[]limits.Aspect{limits.Memory, limits.Restart}, set{Memory: 64 * mib, MemorySwap: 64 * mib, Restart: "on-failure", RestartMax: 3}, []resource.LimitsUpdate{
			{Memory: 64 * mib, MemorySwap: 64 * mib, Restart: "on-failure", RestartMax: 3},
		}},
		{[]limits.Aspect{limits.Memory, limits.CPUs}, set{Memory: 64 * mib, MemorySwap: -1, NanoCPUs: 5}, []resource.LimitsUpdate{
			{Memory: 64 * mib, MemorySwap: math.MaxInt64 - 4095, NanoCPUs: 5},
			{Memory: 64 * mib, MemorySwap: -1},
		}},
	} {
		if got := limits.Updates(c.aspects, c.target); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v %+v: %+v", c.aspects, c.target, got)
		}
	}
}

func TestRebase(t *testing.T) {
	no, few, fewer := set{Restart: "no"}, set{Pids: 9, Restart: "no"}, set{Pids: 5, Restart: "always"}
	first := limits.Payload{ID: "id", Name: "web", Before: no, After: few, Back: no}
	second := limits.Payload{ID: "id", Name: "web", Before: few, After: fewer, Back: few}
	for name, c := range map[string]struct {
		changes []limits.Payload
		now     set
		after   set
		what    string
	}{
		"one":            {[]limits.Payload{first}, few, no, ""},
		"two":            {[]limits.Payload{first, second}, fewer, no, ""},
		"back already":   {[]limits.Payload{first}, no, no, ""},
		"theirs":         {[]limits.Payload{first}, set{Pids: 7, Restart: "no"}, set{Pids: 7, Restart: "no"}, "pids 9, now 7"},
		"theirs, other":  {[]limits.Payload{first}, set{Pids: 9, Restart: "always"}, set{Restart: "always"}, ""},
		"theirs, partly": {[]limits.Payload{first, second}, set{Pids: 5, Restart: "no"}, no, ""},
	} {
		p, what, short := limits.Rebase(c.changes, c.now, 4)
		if p.Before != c.now || p.After != c.after || what != c.what || short != "" || p.ID != "id" || p.Name != "web" {
			t.Errorf("%s: %+v, %q %q", name, p, what, short)
		}
	}
	lifted := limits.Payload{Name: "web", Before: no, After: set{Memory: 64 * mib, MemorySwap: 64 * mib, Restart: "no"}, Back: set{Memory: 1 << 62, MemorySwap: -1, Restart: "no"}}
	p, what, short := limits.Rebase([]limits.Payload{lifted}, lifted.After, 4)
	if p.After != lifted.Back || p.Back != lifted.After || what != "" || !strings.Contains(short, "memory none (4 EiB)") {
		t.Errorf("%+v %q %q", p, what, short)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1b": 1, "6k": 6144, "256m": 256 * mib, "2g": 2 << 30, "8589934591g": 8589934591 << 30,
		"": -1, "m": -1, "-1": -1, "1t": -1, "1.5g": -1, "8589934592g": -1, "9223372036854775808": -1, "1 m": -1, "+1": -1,
	} {
		got, err := limits.ParseSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 bytes", 1024: "1 KiB", 1536 * mib: "1536 MiB", 1 << 62: "4 EiB", 1025: "1025 bytes"} {
		if got := limits.Size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// FuzzParseSize: what is read is exact, and never negative.
func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"", "256m", "9223372036854775807", "9223372036854775807b", "99999999999999999999k", "0g", "٣m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := limits.ParseSize(s)
		if err != nil {
			return
		}
		shift := map[byte]uint{'k': 10, 'm': 20, 'g': 30}[s[len(s)-1]]
		exact, ok := new(big.Int).SetString(strings.TrimRight(s, "bkmg"), 10)
		if !ok || n < 0 || exact.Lsh(exact, shift).Cmp(big.NewInt(n)) != 0 {
			t.Errorf("%q is read as %d", s, n)
		}
		if again, err := limits.ParseSize(fmt.Sprint(n)); err != nil || again != n {
			t.Errorf("%d is read as %d, %v", n, again, err)
		}
	})
}

package host

import "testing"

func TestLimits(t *testing.T) {
	const all, few = "Name:\tx\nCapBnd:\t000001ffffffffff\n", "CapBnd:\t00000000a80425fb\n"
	if !hasCap(all, 24) || hasCap(few, 24) || !hasCap("", 24) {
		t.Error("CAP_SYS_RESOURCE is bit 24 of CapBnd")
	}
	const head = "Limit                     Soft Limit           Hard Limit           Units\n"
	for in, want := range map[string]uint64{
		head + "Max open files            1024                 20000                files\n":     20000,
		head + "Max open files            1048576              unlimited            files\n":     0,
		head + "Max processes             1                    2                    processes\n": 0,
	} {
		if got := hardLimit(in); got != want {
			t.Errorf("hardLimit(%q) = %d, want %d", in, got, want)
		}
	}
}

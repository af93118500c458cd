package txn

import (
	"encoding/json"
	"testing"
	"time"
)

// Only an AWAIT that is understood, of this boot and clock, gives any time.
func TestWaiting(t *testing.T) {
	c := clock{now: time.Now, uptime: func() time.Duration { return time.Hour }, bootID: "b"}
	const good = `{"deadline_boottime_ns":3660000000000,"boot_id":"b","window_ns":120000000000}`
	for name, tc := range map[string]struct {
		data string
		more []string
		want time.Duration // -1: does not wait
	}{
		"good":         {data: good, want: time.Minute},
		"confirmed":    {data: good, more: []string{recCommit}, want: -1},
		"given up":     {data: good, more: []string{recAbort}, want: -1},
		"no data":      {data: `null`},
		"not an await": {data: `"x"`},
		"partly":       {data: `{"deadline_boottime_ns":3660000000000,"boot_id":7,"window_ns":120000000000}`},
		"passed":       {data: `{"deadline_boottime_ns":3600000000000,"boot_id":"b","window_ns":120000000000}`},
		"other boot":   {data: `{"deadline_boottime_ns":3660000000000,"boot_id":"a","window_ns":120000000000}`},
		"no boot":      {data: `{"deadline_boottime_ns":3660000000000,"window_ns":120000000000}`},
		"too far away": {data: `{"deadline_boottime_ns":3660000000000,"boot_id":"b","window_ns":59000000000}`},
		"long ago":     {data: `{"deadline_boottime_ns":-9223372036854775808,"boot_id":"b","window_ns":120000000000}`},
	} {
		log := []record{{Kind: recBegin}, {Kind: recHealth}, {Kind: recAwait, Data: json.RawMessage(tc.data)}}
		for _, kind := range tc.more {
			log = append(log, record{Kind: kind})
		}
		w := waiting("id", log, c)
		if (w == nil) != (tc.want < 0) || w != nil && w.Left != tc.want {
			t.Errorf("%s: %+v, want %v", name, w, tc.want)
		}
	}
	if w := waiting("id", []record{{Kind: recBegin}, {Kind: recHealth}}, c); w != nil {
		t.Errorf("without AWAIT: %+v", w)
	}
}

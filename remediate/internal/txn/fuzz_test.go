package txn

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzWAL: no bytes make the reader panic; what it calls good reads the same
// again, and a record appended there is read back.
func FuzzWAL(f *testing.F) {
	var log []byte
	for i, kind := range []string{recBegin, recStaged, recValidated, recFiles, recCommit} {
		line, err := formatRecord(i+1, record{Kind: kind, At: time.Unix(0, 0).UTC(), Data: []byte(`"x"`)})
		if err != nil {
			f.Fatal(err)
		}
		log = append(log, line...)
		f.Add(bytes.Clone(log))
		f.Add(append(bytes.Clone(log), line[:len(line)/2]...))
	}
	f.Add(make([]byte, 64))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		recs, good, err := parseWAL(b)
		if good > len(b) {
			t.Fatalf("%d good bytes of %d", good, len(b))
		}
		if err != nil {
			return
		}
		next, err := formatRecord(len(recs)+1, record{Kind: recAbort})
		if err != nil {
			t.Fatal(err)
		}
		again, n, err := parseWAL(append(bytes.Clone(b[:good]), next...))
		if err != nil || len(again) != len(recs)+1 || n != good+len(next) {
			t.Errorf("after an append: %d records, %d bytes, %v", len(again), n, err)
		}
	})
}

// FuzzState: what is accepted names transactions only, and is written as it was
// read.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"format":1,"lineage":"6d0f","serial":2,"last_txn":"000002-20260101T000000Z-00000000","last_confirmed":"000001-20260101T000000Z-00000000","hold":{"plan_sha":"a","when":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"format":1,"serial":18446744073709551615,"last_txn":"../../etc","hold":null}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b)
		if err != nil {
			return
		}
		if strings.ContainsAny(s.LastTxn+s.LastConfirmed, "/.\x00") {
			t.Errorf("accepted %+v", s)
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseState(out); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v, read again %+v (%v)", s, again, err)
		}
	})
}

// FuzzIntent: what is accepted cannot lead out of a directory, nor in a circle.
func FuzzIntent(f *testing.F) {
	const id = "000001-20260101T000000Z-00000000"
	f.Add([]byte(`{"format":1,"id":"` + id + `","ops":[{"n":0,"path":"/etc/a","tmp":".a.new~","rb":".a.old~"}]}`))
	f.Add([]byte(`{"format":1,"id":"` + id + `","ops":[{"n":0,"path":"/etc/a","tmp":"../a~","rb":".a.old~"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`{"format":1,"id":"` + id + `","parent":"` + id + `"}`))
	f.Add([]byte(`{"format":1,"id":"` + id + `","parent":"000000-20260101T000000Z-00000000"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := parseIntent(b, id)
		if err != nil {
			return
		}
		if in.Parent >= id {
			t.Errorf("accepted the parent %s", in.Parent)
		}
		for i, op := range in.Ops {
			if op.N != i || bytes.ContainsAny([]byte(op.Temp+op.Undo), "/\x00") {
				t.Errorf("accepted %+v", op)
			}
		}
	})
}

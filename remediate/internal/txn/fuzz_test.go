package txn

import (
	"bytes"
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

// FuzzIntent: what is accepted cannot lead out of a directory.
func FuzzIntent(f *testing.F) {
	const id = "000001-20260101T000000Z-00000000"
	f.Add([]byte(`{"format":1,"id":"` + id + `","ops":[{"n":0,"path":"/etc/a","tmp":".a.new~","rb":".a.old~"}]}`))
	f.Add([]byte(`{"format":1,"id":"` + id + `","ops":[{"n":0,"path":"/etc/a","tmp":"../a~","rb":".a.old~"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := parseIntent(b, id)
		if err != nil {
			return
		}
		for i, op := range in.Ops {
			if op.N != i || bytes.ContainsAny([]byte(op.Temp+op.Undo), "/\x00") {
				t.Errorf("accepted %+v", op)
			}
		}
	})
}

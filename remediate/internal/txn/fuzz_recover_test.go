//go:build linux && amd64

package txn_test

import "testing"

// FuzzRecover puts arbitrary bytes in place of one file of the journal:
// recovery ends in one of the two states, or refuses and touches nothing.
func FuzzRecover(f *testing.F) {
	w := newWorld(f, fast(f))
	e := w.ends()
	killedMidBurst(w, program(f))
	dir := w.openTxn()
	keep := w.copyOf(fast(f))
	files := []string{stateDir + "/ACTIVE", stateDir + "/state.json", dir + "/wal", dir + "/intent.json", dir + "/before/2"}
	for i, name := range files {
		if name != stateDir+"/state.json" {
			f.Add(uint8(i), []byte(w.read(name)))
		}
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte("{}"))
	}
	f.Add(uint8(1), []byte(`{"format":1,"lineage":"a","serial":1,"last_txn":"../../etc","last_confirmed":"000001-20260101T000000Z-00000000"}`))
	f.Add(uint8(0), []byte("../../etc\n"))
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		w.t = t
		w.restoreFrom(keep)
		w.write(files[int(which)%len(files)], string(b), 0o600)
		if err := recoverOrRefuse(w, e); err != nil {
			t.Errorf("%s: %v", files[int(which)%len(files)], err)
		}
	})
}

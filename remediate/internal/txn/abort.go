package txn

// abortRecord decides on the hold: only a plan that was carried out and then
// did not work is held back, not one that was interrupted. A deadline in cause
// is that of a health check, so ctx of the run is asked and not cause.
func (t *tx) abortRecord(cause error, interrupted bool) record {
	return record{
		Kind: recAbort, Reason: cause.Error(), Foreign: t.foreign,
		Hold: t.wal.has(recFiles) && !interrupted && t.in.PlanSHA != "",
	}
}

// unconfirmed is the ABORT of a transaction that worked, and that nobody
// confirmed: it may have cut off whoever was to do so, and must not be made
// again by configuration management.
func (t *tx) unconfirmed(reason string) record {
	return record{Kind: recAbort, Reason: reason, Hold: t.in.PlanSHA != ""}
}

// abandon is the ABORT of a recovery.
func (t *tx) abandon() record {
	w := t.waiting()
	switch {
	case w == nil:
		return record{Kind: recAbort, Reason: "interrupted"}
	case w.Left > 0 || t.in.BootID != t.m.opt.BootID:
		return t.unconfirmed("not confirmed before the machine was started anew")
	}
	return t.unconfirmed("not confirmed in time")
}

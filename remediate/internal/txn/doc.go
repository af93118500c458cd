// Package txn changes files and services as one transaction. What it is about
// to do is on disk, with everything needed to take it back, before the first
// managed file is touched; whatever then happens (an error, a signal, kill -9,
// a power cut), the host ends as it was or as it was wanted. Recovery judges by
// the state of the files, not by the log alone, never overwrites a state that
// is neither old nor new, and never changes its direction.
//
// docs/transaction.md describes the layout, the order of steps and the rules.
package txn

// Package resource is the contract between the rooms of bulwark: what was
// read from a host (Snapshot), what a kind wants done (Result, Change) and the
// door through which it may read (Reader). It holds types and pure helpers
// only and imports nothing but the standard library, so that every other
// package may depend on it.
package resource

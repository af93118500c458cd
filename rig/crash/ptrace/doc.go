// Package ptrace runs a program and stops it at its Nth system call that
// changes something on disk, to kill it there, to cut the power of a file
// system, or to make the call fail. Calls are counted over all threads and
// children with one counter, so that N names a point of the run.
//
// The stop is at the entry of the call: the Nth call is not carried out.
// Everything before it is. Only linux/amd64; see ptrace(2).
package ptrace

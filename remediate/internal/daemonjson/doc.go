// Package daemonjson is the resource kind for dockerd's configuration file.
// It edits single keys and keeps every other byte, refuses beforehand what
// dockerd would refuse or silently mistreat, compares the wanted values with
// the file, with dockerd's flags and with what the running daemon says of
// itself, and decides between nothing, a reload and a restart.
//
// Everything but Kind.Observe is pure: no file, no clock, no process.
package daemonjson

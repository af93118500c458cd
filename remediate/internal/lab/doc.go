// Package lab is where probes work on a real host: containers, networks and a
// host outside, all removed at the end.
package lab

package host_test

import "runtime"

// The main thread stays with the goroutine that runs the tests: a test that ends on
// a thread in namespaces of its own takes that thread with it, and the main one
// cannot end. /proc/self would be in that namespace for the tests that follow.
func init() { runtime.LockOSThread() }

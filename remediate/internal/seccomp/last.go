package seccomp

import "sync"

// A last remembers the newest result of a pure function: one Diff asks several
// times for the same profile, and each plan of a run for that of the plan before.
type last[V any] struct {
	mu  sync.Mutex
	key string
	v   V
}

func (l *last[V]) get(key string, compute func() V) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key != key {
		l.key, l.v = key, compute()
	}
	return l.v
}

package resource

// A Fact is something read from the host, or the reason why it could not be
// read. The two are kept apart on purpose: what is unknown is never "ok".
type Fact[T any] struct {
	// Value is meaningful only when Unknown is empty.
	Value T `json:"value,omitzero"`
	// Unknown says in the user's words why there is no value, for example
	// "needs root" or "docker is not running".
	Unknown string `json:"unknown,omitempty"`
}

// NotAsked is why a fact was not read that no part of the policy needs.
const NotAsked = "not asked for"

// Known returns the fact v.
func Known[T any](v T) Fact[T] { return Fact[T]{Value: v} }

// Unknown returns a fact that could not be read, and why.
func Unknown[T any](reason string) Fact[T] {
	if reason == "" {
		reason = "not read"
	}
	return Fact[T]{Unknown: reason}
}

// Get returns the value and whether it is known.
func (f Fact[T]) Get() (T, bool) { return f.Value, f.Unknown == "" }

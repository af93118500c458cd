package inside

// netAttacks are those that go over the network.
func netAttacks() map[string]attack { return map[string]attack{} }

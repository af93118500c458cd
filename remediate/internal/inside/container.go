package inside

// containerAttacks are those on what keeps a container apart.
func containerAttacks() map[string]attack { return map[string]attack{} }

package auditrules

// Text is a kernel's rule for people, as auditctl -l prints it. What it cannot
// decode it shows as hexadecimal bytes.
func Text(wire []byte) string { panic("not written yet") }

// Keys are the keys of a kernel's rule.
func Keys(wire []byte) []string { panic("not written yet") }

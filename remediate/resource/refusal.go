package resource

import "fmt"

// Block returns a result, its ID still to be set, that says why a control
// cannot be brought about here.
func Block(remedy, format string, args ...any) *ControlResult {
	return &ControlResult{Status: Blocked, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// CannotRead is as Block, for what could not be read.
func CannotRead(remedy, format string, args ...any) *ControlResult {
	return &ControlResult{Status: Unread, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

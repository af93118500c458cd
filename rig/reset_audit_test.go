//go:build rig

package rig_test

import (
	"fmt"
	"strings"
)

// settledAudit is what resetHost left behind in the kernel's audit.
var settledAudit string

// auditState is what the kernel does with events, without the counters.
func auditState() (string, error) {
	return output("sh", "-euc", "auditctl -s | grep -E '^(enabled|failure|rate_limit|backlog_limit|backlog_wait_time) '; for i in 1 2 3 4 5 6 7 8 9; do auditctl -l 2>/dev/null && exit; sleep 0.3; done; auditctl -l")
}

// resetAudit loads the rules of the files that are back. The container rig has
// no audit: that belongs to the machine.
func resetAudit() error {
	vm, err := inVM()
	if err != nil || !vm {
		return err
	}
	now, err := auditState()
	switch {
	case err != nil:
		return err
	case strings.Contains(now, "enabled 2"):
		return fmt.Errorf("cannot reset the host: a story has locked the kernel's audit rules")
	case now == settledAudit:
		return nil
	}
	if err := run("sh", "-euc", "auditctl -D; augenrules --load; auditctl -e 1"); err != nil {
		return err
	}
	settledAudit, err = auditState()
	return err
}

package host

import (
	"context"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Audit is not written yet.
func (r *Reader) Audit(context.Context, []string) (resource.Audit, error) {
	return resource.Audit{}, errors.New("not written yet")
}

// ReadAudit asks the kernel for its audit status and rules. It needs root.
func ReadAudit(ctx context.Context) (resource.AuditKernel, error) {
	return resource.AuditKernel{}, errors.New("not written yet")
}

// AddAuditRule adds a rule at the end of the kernel's.
func AddAuditRule(ctx context.Context, rule resource.AuditRule) error {
	return errors.New("not written yet")
}

// DeleteAuditRule deletes one rule. That the kernel says yes proves nothing:
// read the rules again.
func DeleteAuditRule(ctx context.Context, rule resource.AuditRule) error {
	return errors.New("not written yet")
}

// SetAuditEnabled makes the kernel record events, or stop to.
func SetAuditEnabled(ctx context.Context, on bool) error { return errors.New("not written yet") }

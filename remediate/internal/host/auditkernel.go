package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/elastic/go-libaudit/v2"
	"github.com/elastic/go-libaudit/v2/auparse"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ReadAudit asks the kernel for its audit status and rules. It needs root.
func ReadAudit(ctx context.Context) (k resource.AuditKernel, err error) {
	err = withAudit(ctx, inContainer, func(c *libaudit.AuditClient) error {
		s, err := c.GetStatus()
		if err != nil {
			return err
		}
		k = auditStatus(s)
		list, err := c.GetRules()
		for _, wire := range list {
			wire = auditrules.Normal(wire)
			k.Rules = append(k.Rules, resource.AuditRule{Wire: wire, Text: auditrules.Text(wire)})
		}
		return err
	})
	if err != nil {
		return resource.AuditKernel{}, err
	}
	return k, nil
}

func auditStatus(s *libaudit.AuditStatus) resource.AuditKernel {
	return resource.AuditKernel{
		Enabled: s.Enabled, Failure: s.Failure, PID: s.PID, RateLimit: s.RateLimit,
		BacklogLimit: s.BacklogLimit, BacklogWaitTime: s.BacklogWaitTime, Lost: s.Lost,
		Rules: []resource.AuditRule{},
	}
}

// AddAuditRule adds a rule at the end of the kernel's list. One that is there
// is refused by the kernel; errors.Is tells fs.ErrNotExist if a path that must
// exist does not.
func AddAuditRule(ctx context.Context, rule resource.AuditRule) error {
	return changeRule(ctx, "add", auparse.AUDIT_ADD_RULE, rule)
}

// DeleteAuditRule deletes one rule; one that is not there is an error that is
// fs.ErrNotExist.
func DeleteAuditRule(ctx context.Context, rule resource.AuditRule) error {
	return changeRule(ctx, "delete", auparse.AUDIT_DEL_RULE, rule)
}

// changeRule asks for itself: of the answer to a deletion the library takes no
// notice.
func changeRule(ctx context.Context, verb string, kind auparse.AuditMessageType, rule resource.AuditRule) error {
	err := withAudit(ctx, lockedOrContainer, func(c *libaudit.AuditClient) error {
		return acknowledged(c.Netlink, uint16(kind), rule.Wire)
	})
	if err != nil {
		return fmt.Errorf("cannot %s the audit rule %s: %w", verb, rule.Text, err)
	}
	return nil
}

// acknowledged sends a request and returns the kernel's answer.
func acknowledged(n libaudit.NetlinkSendReceiver, kind uint16, data []byte) error {
	seq, err := n.Send(syscall.NetlinkMessage{
		Header: syscall.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK},
		Data:   data,
	})
	if err != nil {
		return err
	}
	for {
		m, err := n.Receive(false, nil)
		if err != nil {
			return err
		}
		if m[0].Header.Seq == seq && m[0].Header.Type == unix.NLMSG_ERROR {
			return libaudit.ParseNetlinkError(m[0].Data)
		}
	}
}

// SetAuditEnabled makes the kernel record events, or stop to.
func SetAuditEnabled(ctx context.Context, on bool) error {
	verb, want := "disable", uint32(resource.AuditOff)
	if on {
		verb, want = "enable", resource.AuditOn
	}
	err := withAudit(ctx, lockedOrContainer, func(c *libaudit.AuditClient) error {
		if err := c.SetEnabled(on, libaudit.WaitForReply); err != nil {
			return err
		}
		s, err := c.GetStatus()
		if err == nil && s.Enabled != want {
			err = fmt.Errorf("the kernel says yes, and has enabled %d", s.Enabled)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot %s audit: %w", verb, err)
	}
	return nil
}

// What EPERM means to root: rules that are locked can still be read.
const (
	inContainer       = "the kernel does not allow it in a container"
	lockedOrContainer = "the kernel does not allow it: its rules are locked until the next boot (-e 2), or this is a container"
)

// withAudit opens a connection for one task. denied says what EPERM means.
func withAudit(ctx context.Context, denied string, task func(*libaudit.AuditClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	s, err := openAudit(ctx)
	if err != nil {
		return auditCause(err, denied)
	}
	defer s.Close()
	return auditCause(task(&libaudit.AuditClient{Netlink: s}), denied)
}

// An auditError is the kernel's refusal in words.
type auditError struct {
	says  string
	cause error
}

func (e *auditError) Error() string { return e.says }
func (e *auditError) Unwrap() error { return e.cause }

// auditCause explains what the kernel's numbers mean (audit_netlink_ok and
// audit_rule_change of kernel/audit.c and auditfilter.c).
func auditCause(err error, denied string) error {
	says := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT):
		says = "this kernel has no audit, or was booted with audit=0"
	case errors.Is(err, unix.EPERM) && os.Geteuid() != 0:
		says = errNeedsRoot.Error()
	case errors.Is(err, unix.EPERM):
		says = denied
	case errors.Is(err, unix.ECONNREFUSED):
		says = inContainer
	case errors.Is(err, unix.EEXIST):
		says = "the kernel has it already"
	case errors.Is(err, unix.ENOENT):
		says = "the kernel says that something it names does not exist"
	case errors.Is(err, unix.EINVAL):
		says = "the kernel finds it invalid"
	case errors.Is(err, unix.ENOBUFS):
		says = "the kernel could not deliver all of them"
	default:
		return err
	}
	return &auditError{says, err}
}

package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/elastic/go-libaudit/v2/auparse"
	"golang.org/x/sys/unix"
)

// recordsTime is how long the records of what has happened may take to come: on the
// machine itself, and in a container, where they hardly ever do.
func recordsTime() time.Duration {
	// The first pid namespace has a number of its own, the same on all machines
	// (PROC_PID_INIT_INO, include/linux/proc_ns.h).
	const first = "pid:[4026531836]"
	if ns, err := os.Readlink("/proc/self/ns/pid"); err == nil && ns != first {
		return time.Second
	}
	return 5 * time.Second
}

// ErrNoRecords is that no audit record comes.
var ErrNoRecords = errors.New("audit records do not come here: audit is off, or they go to another network namespace")

// AuditRecords runs f and gives each record of the kernel's audit that was
// written meanwhile, also by others, as "audit(TIME:SERIAL): FIELDS". It hears
// them beside auditd, as one reader of a multicast group, and changes nothing.
//
// The kernel delivers records in order. So a last one is written, of the kind
// that any program with CAP_AUDIT_WRITE may write (AUDIT_USER): when it has
// come, all before it have. If it does not come, none would have: audit is off,
// or this is not the network namespace that records are sent to.
func AuditRecords(ctx context.Context, f func() error, each func(record string)) error {
	s, err := openAudit(ctx)
	if err != nil {
		return auditCause(err, inContainer)
	}
	defer s.Close()
	// AUDIT_NLGRP_READLOG needs CAP_AUDIT_READ in the first user namespace
	// (audit_multicast_bind of kernel/audit.c).
	if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.AUDIT_NLGRP_READLOG); err != nil {
		return auditCause(fmt.Errorf("cannot read audit records: %w", err), inContainer)
	}
	if err := f(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recordsTime())
	defer cancel()
	mark := "bulwark prove has read the records until here: " + rand.Text()
	if err := say(ctx, mark); err != nil {
		return auditCause(fmt.Errorf("cannot write an audit record: %w", err), inContainer)
	}
	s.ctx = ctx
	return auditCause(s.until(mark, each), inContainer)
}

// say writes one record of AUDIT_USER.
func say(ctx context.Context, text string) error {
	s, err := openAudit(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return acknowledged(s, uint16(auparse.AUDIT_USER), append([]byte(text), 0))
}

// until gives records until one has the mark in it.
func (s *auditSocket) until(mark string, each func(string)) error {
	for {
		m, err := s.Receive(false, nil)
		switch {
		case errors.Is(err, errSilent):
			return ErrNoRecords
		case err != nil:
			return err
		}
		record := strings.TrimRight(string(m[0].Data), "\x00\n")
		if strings.Contains(record, mark) {
			return nil
		}
		each(record)
	}
}

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
)

// TestAuditLoss: a list that the kernel could not deliver is an error, never a
// shorter list. It changes the kernel's rules, so it runs on a test rig only.
func TestAuditLoss(t *testing.T) {
	skip := t.Skipf
	if os.Getenv("BULWARK_REQUIRE_AUDIT") != "" {
		skip = t.Fatalf
	}
	if _, err := os.Stat("/run/bulwark-rig"); err != nil {
		skip("this host is not a test rig: %v", err)
	}
	ctx := context.Background()
	for i := range 300 {
		r, err := auditrules.Parse(fmt.Sprintf("-a always,exit -F arch=b64 -S mount -F inode=%d", 1000+i), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := AddAuditRule(ctx, r.Kernel()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = DeleteAuditRule(ctx, r.Kernel()) })
	}
	err := withAudit(ctx, inContainer, func(c *libaudit.AuditClient) error {
		s := c.Netlink.(*auditSocket)
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10); err != nil {
			return err
		}
		c.Netlink = slow{s}
		rules, err := c.GetRules()
		t.Logf("%d rules, %v", len(rules), err)
		return err
	})
	if !errors.Is(err, unix.ENOBUFS) || err.Error() != "the kernel could not deliver all of them" {
		t.Errorf("%v", err)
	}
}

// slow leaves the kernel no room for a second.
type slow struct{ *auditSocket }

func (s slow) Receive(b bool, p libaudit.NetlinkParser) (m []syscall.NetlinkMessage, err error) {
	time.Sleep(time.Second)
	return s.auditSocket.Receive(b, p)
}

package dockerd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

const watchEvery = 250 * time.Millisecond

// Settle watches the daemon for d: it must answer and stay the same process.
// With Restart=always a crash loop looks active most of the time; only the
// InvocationID tells. Then the containers that ran before must run.
func (s *Step) Settle(ctx context.Context, p Payload, d time.Duration) error {
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	first, err := c.systemd.Unit(ctx, Unit)
	if err != nil {
		return err
	}
	for end := time.Now().Add(d); ; {
		if err := s.alive(ctx, c, first.InvocationID); err != nil {
			return err
		}
		if !time.Now().Before(end) {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(watchEvery):
		}
	}
	return allRun(ctx, c, p.After)
}

func (s *Step) alive(ctx context.Context, c *conns, invocation string) error {
	u, err := c.systemd.Unit(ctx, Unit)
	switch {
	case err != nil:
		return err
	case u.ActiveState != "active":
		return fmt.Errorf("dockerd came up and then did not stay: docker.service is %s (%s)", u.ActiveState, u.SubState)
	case u.InvocationID != invocation:
		return errors.New("dockerd came up, died, and was started again by systemd")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := c.docker.Ping(ctx); err != nil {
		return fmt.Errorf("dockerd is active but does not answer: %w", err)
	}
	return nil
}

func allRun(ctx context.Context, c *conns, running []Workload) error {
	for _, w := range running {
		st, err := c.docker.Status(ctx, w.ID)
		if err != nil {
			return err
		}
		ended := st.Exists && w.Job && st.ExitCode == 0
		if !st.Running && !ended && (st.Exists || !w.Gone) {
			return fmt.Errorf("container %s ran before and does not run now", w.Name)
		}
	}
	return nil
}

// LastWords returns what dockerd said of its failure, from an instant until
// the undo began: the lines at error level, or its last lines if there are
// none.
func (s *Step) LastWords(ctx context.Context, since time.Time) []string {
	lines := host.LastWords(ctx, Unit, since, s.failed, 200)
	grave := slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return !strings.Contains(l, "level=error") && !strings.Contains(l, "level=fatal") &&
			!strings.HasPrefix(l, "unable to") && !strings.HasPrefix(l, "failed to")
	})
	if len(grave) > 0 {
		lines = slices.Compact(grave)
	}
	return lines[max(0, len(lines)-10):]
}

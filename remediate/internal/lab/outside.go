package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/inside"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// outside is what a lab has besides containers: a host outside, listeners on
// this one, and the kernel's audit records. Each is made when it is first asked
// for. Namespace and sockets end with the process, the wire with the namespace;
// what a killed process leaves is a rule of routing, which sweepOutside removes.
type outside struct {
	mu     sync.Mutex
	target *target
	given  []*given // hosts elsewhere that are attacked instead
	why    error    // why there is no target
	host   *inside.Server
	syslog *collector
	deaf   error // why audit records do not come
}

func newOutside() *outside { return &outside{} }

// watchedDir is where a probe makes a file that audit must see.
const watchedDir = "/etc/docker"

// sweepOutside removes what a killed run left.
func sweepOutside() error {
	return errors.Join(host.Unsteer(), host.Unlay(nearEnd), sweepFiles(watchedDir))
}

// sweepFiles removes the probe's empty files from a folder.
func sweepFiles(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil // there is none, or no way to have made any
	}
	var all []error
	for _, e := range list {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), probe.Prefix) && info.Mode().IsRegular() && info.Size() == 0 {
			all = append(all, os.Remove(dir+"/"+e.Name()))
		}
	}
	return errors.Join(all...)
}

// Target makes the host outside.
func (o *outside) Target(ctx context.Context) (probe.Target, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.target == nil && o.why == nil {
		o.target, o.why = newTarget()
	}
	if err := errors.Join(o.why, ctx.Err()); err != nil {
		return probe.Target{}, err
	}
	return o.target.probe(), nil
}

// Listen answers on all addresses of the host.
func (o *outside) Listen(ctx context.Context) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.host == nil {
		s, err := inside.Serve(":0")
		if err != nil {
			return 0, fmt.Errorf("cannot listen on the host: %w", err)
		}
		o.host = s
	}
	return o.host.Port(), ctx.Err()
}

// Syslog collects what is sent to an address on loopback.
func (o *outside) Syslog(ctx context.Context) (string, func() []string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.syslog == nil {
		c, err := collect()
		if err != nil {
			return "", nil, fmt.Errorf("cannot listen for logs: %w", err)
		}
		o.syslog = c
	}
	return o.syslog.address(), o.syslog.lines, ctx.Err()
}

// Close removes all, and says what it could not.
func (o *outside) Close(context.Context) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var left []string
	for _, err := range []error{o.closeTarget(), o.closeGiven(), o.closeListeners()} {
		if err != nil {
			left = append(left, err.Error())
		}
	}
	return left
}

func (o *outside) closeTarget() error {
	if o.target == nil {
		return nil
	}
	t := o.target
	o.target, o.why = nil, net.ErrClosed
	return errors.Join(t.close(), sweepOutside())
}

func (o *outside) closeListeners() error {
	var all []error
	if o.host != nil {
		all = append(all, o.host.Close())
	}
	if o.syslog != nil {
		all = append(all, o.syslog.close())
	}
	o.host, o.syslog = nil, nil
	return errors.Join(all...)
}

// dialTime bounds a connection from the target.
const dialTime = time.Second

// dial connects from the target and wants an answer: what accepts for a
// container (docker-proxy) is not the container.
func (t *target) dial(ctx context.Context, address string) error {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return t.ns.Do(func() error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(dialTime))
		if _, err := c.Write([]byte("bulwark prove\n")); err != nil {
			return err
		}
		if n, err := c.Read(make([]byte, 1)); n == 0 {
			return fmt.Errorf("connected, but nobody answers: %w", err)
		}
		return nil
	})
}

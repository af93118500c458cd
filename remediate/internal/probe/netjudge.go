package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hostPort writes an address with a port.
func hostPort(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }

// A try is what the attack "reach" says of one of its arguments.
type try struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	What    string `json:"what"`
}

func (t try) String() string { return t.Kind + " " + t.Address + ": " + t.What }

// through reports whether somebody answered.
func (t try) through() bool { return t.What == "answered" || t.What == "connected" }

// made reports whether the container could try at all: "no route" may be a
// firewall's word, any other error is the container's own.
func (t try) made() bool {
	return t.through() || slices.Contains([]string{"refused", "timed out", "no route"}, t.What)
}

// reach runs that attack in a container on a network.
func reach(ctx context.Context, l Lab, network string, specs ...string) ([]try, error) {
	var report struct {
		Tries []try `json:"tries"`
	}
	if err := attack(ctx, l, Box{Attack: append([]string{"reach"}, specs...), Network: network}, &report); err != nil {
		return nil, err
	}
	if len(report.Tries) != len(specs) {
		return nil, fmt.Errorf("the container tells of %d tries, not of %d", len(report.Tries), len(specs))
	}
	for _, t := range report.Tries {
		if !t.made() {
			return report.Tries, fmt.Errorf("the container could not try it: %s", t)
		}
	}
	return report.Tries, nil
}

// attack runs a box and reads what it reports.
func attack(ctx context.Context, l Lab, b Box, report any) error {
	res, err := l.Run(ctx, b)
	if err != nil {
		return err
	}
	if res.Refused != "" {
		return fmt.Errorf("the daemon refuses the container: %s", res.Refused)
	}
	var failed struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(res.Report, &failed); err != nil {
		return fmt.Errorf("the container ended with %d and no report: %.100q", res.Exit, res.Report)
	}
	if failed.Error != "" {
		return fmt.Errorf("the container could not try it: %s", failed.Error)
	}
	return json.Unmarshal(res.Report, report)
}

// A server is a container that answers on a port.
type server struct {
	Running
	ip string
}

const servicePort = "7"

// serve starts one and waits until it answers itself. The caller stops it.
func serve(ctx context.Context, l Lab, b Box) (server, error) {
	b.Attack = []string{"listen", servicePort, "60"}
	r, err := l.Start(ctx, b)
	if err != nil {
		return server{}, err
	}
	s := server{Running: r}
	for _, ip := range r.IPs() {
		if net.ParseIP(ip).To4() != nil {
			s.ip = ip
		}
	}
	if err := s.ready(ctx); err != nil {
		s.stop(ctx)
		return server{}, err
	}
	return s, nil
}

// ready waits for its first line.
func (s server) ready(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if lines := s.Lines(); len(lines) > 0 {
			var first struct{ Itself, Error string }
			if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Itself != "answered" {
				return fmt.Errorf("a container does not answer itself: %.200s", lines[0])
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("a container that should listen says nothing")
		case <-tick.C:
		}
	}
}

// stop ends it also when the time of the probe is over.
func (s server) stop(ctx context.Context) { _, _ = s.Stop(context.WithoutCancel(ctx)) }

// lines are the words for evidence.
func lines(tries []try) []string {
	out := make([]string, 0, len(tries))
	for _, t := range tries {
		out = append(out, t.String())
	}
	return out
}

// got are those that somebody answered.
func got(tries []try) string {
	var out []string
	for _, t := range tries {
		if t.through() {
			out = append(out, t.String())
		}
	}
	return strings.Join(out, ", ")
}

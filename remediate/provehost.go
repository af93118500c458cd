package remediate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ProveOptions say what Prove tries.
type ProveOptions struct {
	// Policy says which defences must hold; nil asks for all.
	Policy *plans.Policy
	// Only names probes: slugs (with *) or areas D01 to D10. Empty is all.
	Only []string
	// Targets are hosts to attack in the place of one that bulwark makes, at most
	// one of each IP version.
	Targets []netip.AddrPort
	// Progress is told the name of each probe before it is made; nil for none.
	Progress func(string)

	reserved *lab.Reservation
}

// A ProbeInfo is one probe of the catalogue, without a host.
type ProbeInfo struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	OWASP []string `json:"owasp"`
	Tries string   `json:"tries"`
	Must  string   `json:"must"`
	// Shows and Not say what a success shows, and what it does not.
	Shows string `json:"shows"`
	Not   string `json:"not"`
}

// Probes is the catalogue of what Prove tries.
func Probes(only []string) ([]ProbeInfo, error) {
	chosen, err := probe.Select(probe.All(), only)
	if err != nil {
		return nil, err
	}
	out := make([]ProbeInfo, 0, len(chosen))
	for _, p := range chosen {
		out = append(out, ProbeInfo{ID: p.ID, Title: p.Title, OWASP: p.OWASP, Tries: p.Tries, Must: p.Must, Shows: p.Shows, Not: p.Not})
	}
	return out, nil
}

// Prove attacks the host, harmlessly, and says which defences held. All that it
// made is removed again when it returns; what could not be is in the proof.
func (h *Host) Prove(ctx context.Context, o ProveOptions) (*resource.Proof, error) {
	if !h.Live() {
		return nil, errors.New("cannot prove: --root is an image: nothing runs there")
	}
	if err := h.Permitted(); err != nil {
		return nil, err
	}
	chosen, err := probe.Select(probe.All(), o.Only)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return h.attack(ctx, chosen, o)
}

func (h *Host) attack(ctx context.Context, chosen []probe.Probe, o ProveOptions) (*resource.Proof, error) {
	start := time.Now()
	s := h.Observe(ctx, o.Policy)
	l, err := h.openLab(ctx, s, o)
	if err != nil {
		return nil, err
	}
	p := &resource.Proof{Format: resource.ProofFormat, Tool: h.Tool, Engine: s.Engine.Value.Version, TakenNS: start.UnixNano()}
	if o.Policy != nil {
		p.Policy = &resource.PolicyRef{Name: o.Policy.Name, Source: o.Policy.Source, SHA256: o.Policy.SHA256}
	}
	p.Targets = l.Given()
	p.Probes = probe.Make(ctx, chosen, o.Policy, l, o.Progress)
	// Ctrl-C ends the probes, not the tidying.
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	p.Left = l.Close(tidy)
	p.TookNS = time.Since(start).Nanoseconds()
	return p, ctx.Err()
}

// defend is the part of Prove in an apply: an error names the defences that do
// not hold.
func (h *Host) defend(ctx context.Context, o ApplyOptions, res *ApplyResult) error {
	if !o.Prove {
		return nil
	}
	tell := func(id string) {
		if o.Progress != nil {
			o.Progress("probe " + id)
		}
	}
	p, err := h.Prove(ctx, ProveOptions{Policy: o.Policy, Progress: tell, reserved: o.reserved})
	res.Proof = p
	if err != nil {
		return err
	}
	var broken []string
	tried := 0
	for _, a := range p.Probes {
		switch a.Verdict {
		case resource.Fails:
			broken = append(broken, a.ID+": "+a.Observed)
			tried++
		case resource.Holds:
			tried++
		}
	}
	if len(p.Left) > 0 {
		broken = append(broken, "could not remove "+strings.Join(p.Left, ", "))
	}
	if len(broken) > 0 {
		return fmt.Errorf("under attack %d of %d defences did not hold: %s", len(broken), tried, strings.Join(broken, "; "))
	}
	return nil
}

// tidyTime bounds the removal of what the probes made.
const tidyTime = 30 * time.Second

// A closer is a lab that can be tidied up.
type closer interface {
	probe.Lab
	// Close removes all, and names what it could not remove.
	Close(ctx context.Context) []string
	// Given names the hosts elsewhere that it attacks.
	Given() []string
}

package remediate

import (
	"context"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// CheckOptions say what Check judges.
type CheckOptions struct {
	// Only and Except name controls: a slug (with *), an area D01 to D10, a number
	// of the CIS benchmark (of 1.8; 1.6:2.14 for another). Empty Only is all.
	Only, Except []string
}

// Check judges the host of a snapshot. It is a pure function: the clock is the
// time at which the snapshot was taken. A nil policy has neither waivers nor
// bounds of its own.
func Check(p *plans.Policy, s *resource.Snapshot, o CheckOptions) (*resource.Report, error) {
	controls, err := control.Select(o.Only, o.Except)
	if err != nil {
		return nil, err
	}
	r := &resource.Report{
		Format: resource.ReportFormat, Tool: s.Tool, Root: s.Root, HostID: s.Host.Value.ID, Engine: s.Engine.Value.Version,
		TakenNS: s.Taken.UnixNano(), Controls: control.Judge(controls, p, s), Unread: Unread(s),
	}
	if p != nil {
		r.Policy = &resource.PolicyRef{Name: p.Name, Source: p.Source, SHA256: p.SHA256}
	}
	r.Areas = control.Score(r.Controls)
	r.Worst = control.Worst(r.Controls)
	return r, nil
}

// A ControlInfo is one control of the catalogue, without a host.
type ControlInfo struct {
	ID       string              `json:"id"`
	Title    string              `json:"title"`
	Severity resource.Severity   `json:"severity"`
	Level    int                 `json:"level"`
	OWASP    []string            `json:"owasp"`
	CIS      map[string][]string `json:"cis,omitempty"`
	Why      string              `json:"why"`
	How      string              `json:"how"`
	Remedy   string              `json:"remedy"`
	// Key is the policy's key with which plan and apply remedy it, "" if they
	// cannot.
	Key string `json:"key,omitempty"`
}

// Controls is the catalogue of what check judges.
func Controls(o CheckOptions) ([]ControlInfo, error) {
	chosen, err := control.Select(o.Only, o.Except)
	if err != nil {
		return nil, err
	}
	out := make([]ControlInfo, 0, len(chosen))
	for _, c := range chosen {
		out = append(out, ControlInfo{
			ID: c.ID, Title: c.Title, Severity: c.Severity, Level: c.Level, OWASP: c.OWASP, CIS: c.CIS,
			Why: c.Why, How: c.How, Remedy: c.Remedy, Key: c.Key,
		})
	}
	return out, nil
}

// ForCheck observes what Check asks about.
func (h *Host) ForCheck(ctx context.Context, p *plans.Policy) *resource.Snapshot {
	asks := p
	if asks == nil {
		asks = &plans.Policy{} // which profile each container has, no control asks
	}
	return h.ObserveForCheck(ctx, asks, func(s *resource.Snapshot) []string { return control.Paths(p, s) })
}

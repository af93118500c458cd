package remediate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Egress is what bulwark has in the kernel.
type Egress struct {
	Format int `json:"format"`
	// Outcome is of a load: "loaded", or "none" if nothing is recorded.
	Outcome string             `json:"outcome,omitempty"`
	Rules   []resource.Ruleset `json:"rules"`
}

// Outcomes of LoadEgress.
const (
	EgressLoaded = "loaded"
	EgressNone   = "none"
)

// loads is how often LoadEgress follows a record that changes under it.
const loads = 5

// LoadEgress makes the kernel's rules those of the record, at boot and after
// somebody has flushed them. It does not take the run's lock: apply restarts
// dockerd under that, and dockerd's unit waits for the one that calls this. A
// record that another run has replaced in the meantime is loaded again
// instead, so that the newest one wins.
func (h *Host) LoadEgress(ctx context.Context) (*Egress, error) {
	if err := h.Permitted(); err != nil {
		return nil, err
	}
	if !h.Live() {
		return nil, errors.New("cannot load rules: --root is an image, whose kernel does not run")
	}
	f, err := h.reader.File(egress.RulesPath)
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of rules: %w", err)
	}
	if !f.Print.Exists() {
		return &Egress{Format: 1, Outcome: EgressNone, Rules: []resource.Ruleset{}}, nil
	}
	return h.loadRecord(ctx, f)
}

func (h *Host) loadRecord(ctx context.Context, f resource.File) (*Egress, error) {
	for range loads {
		rec, err := parseRecord(f)
		if err != nil {
			return nil, err
		}
		if err := firewall.Load(ctx, rec.Rules, nil); err != nil {
			return nil, err
		}
		now, err := h.reader.File(egress.RulesPath)
		if err != nil {
			return nil, fmt.Errorf("cannot read the record of rules: %w", err)
		}
		if now.Print.SHA256 == f.Print.SHA256 {
			return &Egress{Format: 1, Outcome: EgressLoaded, Rules: nonNil(rec.Rules)}, nil
		}
		f = now
	}
	return nil, errors.New("cannot load rules: the record keeps changing")
}

// ShowEgress reads what bulwark has in the kernel.
func (h *Host) ShowEgress(ctx context.Context) (*Egress, error) {
	if err := h.Permitted(); err != nil {
		return nil, errors.New("cannot read the kernel's rules: needs root")
	}
	fw, err := h.reader.Firewall(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the kernel's rules: %w", err)
	}
	return &Egress{Format: 1, Rules: nonNil(fw.Own)}, nil
}

// parseRecord is strict: a record that was cut off or edited would be loaded
// as rules that nobody has seen. One that is gone means that nothing is wanted.
func parseRecord(f resource.File) (*ruleset.Record, error) {
	var rec ruleset.Record
	if !f.Print.Exists() {
		return &rec, nil
	}
	d := json.NewDecoder(bytes.NewReader(f.Content))
	d.DisallowUnknownFields()
	err := d.Decode(&rec)
	switch {
	case f.Print.Type != resource.Regular:
		err = fmt.Errorf("it is a %s", f.Print.Type)
	case f.Print.UID != 0 || f.Print.Mode&0o022 != 0:
		err = fmt.Errorf("others than root may write it (owner %d, mode %04o)", f.Print.UID, f.Print.Mode)
	case err != nil:
	case d.More():
		err = errors.New("something follows its JSON")
	case rec.Format != 1:
		err = fmt.Errorf("format %d, this bulwark reads 1", rec.Format)
	default:
		err = ownOnly(rec.Rules)
	}
	if err != nil {
		return nil, fmt.Errorf("the record of rules %s is damaged: %w", egress.RulesPath, err)
	}
	return &rec, nil
}

var (
	iptablesChain = regexp.MustCompile(`^[A-Z0-9_-]{1,28}$`)
	nftChain      = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	controlChar   = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// ownOnly finds what would reach beyond bulwark's own chains and sets.
func ownOnly(rules []resource.Ruleset) error {
	for _, r := range rules {
		if r.Backend != resource.BackendIPTables && r.Backend != resource.BackendNFTables {
			return fmt.Errorf("the backend %q", r.Backend)
		}
		for _, t := range r.Tables {
			if err := ownTable(r.Backend, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func ownTable(backend string, t resource.RuleTable) error {
	for _, j := range t.Jumps {
		if !iptablesChain.MatchString(j.From) || !ownChain(j.To) {
			return fmt.Errorf("the jump from %q to %q", j.From, j.To)
		}
	}
	for _, c := range t.Chains {
		if backend == resource.BackendIPTables && !ownChain(c.Name) || backend == resource.BackendNFTables && !nftChain.MatchString(c.Name) {
			return fmt.Errorf("the chain %q", c.Name)
		}
		if text := strings.Join(append([]string{c.Hook}, c.Rules...), ""); controlChar.MatchString(text) {
			return fmt.Errorf("a control character in the chain %s", c.Name)
		}
	}
	for _, s := range t.Sets {
		// A set of nftables is inside the own table, whatever its name.
		if backend == resource.BackendIPTables && !strings.HasPrefix(s.Name, resource.OwnSetPrefix) || controlChar.MatchString(s.Name) {
			return fmt.Errorf("the set %q", s.Name)
		}
	}
	return nil
}

func ownChain(name string) bool {
	return strings.HasPrefix(name, resource.OwnChainPrefix) && iptablesChain.MatchString(name)
}

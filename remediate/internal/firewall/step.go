// Package firewall carries bulwark's own rules into the kernel and takes them
// back. It is a step of the transaction: recovery has only the journal and
// this package.
package firewall

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Step swaps rules. It implements txn.Step; its payload is ruleset.Payload.
type Step struct {
	// Lock is the transaction's lock, handed to children that change the
	// host; it may be nil.
	Lock *os.File
	// Progress is told what happens now; it may be nil.
	Progress func(string)
}

// Done is what the step returns to the journal.
type Done struct {
	// Made are the filter tables in which there was no DOCKER-USER before.
	Made []Place `json:"made,omitempty"`
}

// A Place is one iptables filter table.
type Place struct {
	Family  string `json:"family"`
	Variant string `json:"variant"`
}

// dockerUser is dockerd's chain for rules of others. dockerd keeps one that it
// finds and then jumps to it, so it may be made before dockerd starts.
const dockerUser = "DOCKER-USER"

// Name is the step's name in the journal.
func (s *Step) Name() string { return "egress" }

func (s *Step) say(text string) {
	if s.Progress != nil {
		s.Progress(text)
	}
}

// Do loads the payload's After and reads it back.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	p, err := parse(payload)
	if err != nil {
		return nil, err
	}
	found, err := host.ReadRules(ctx)
	if err != nil {
		return nil, err
	}
	done := Done{Made: makes(p.After, found)}
	s.say("loading the rules for containers")
	if err := loadAndCompare(ctx, p.After, s.Lock); err != nil {
		return nil, err
	}
	return json.Marshal(done)
}

func parse(payload json.RawMessage) (p ruleset.Payload, err error) {
	if err := json.Unmarshal(payload, &p); err != nil {
		return p, fmt.Errorf("cannot read the journal's egress step: %w", err)
	}
	return p, nil
}

// makes are the tables that get a DOCKER-USER with these rules.
func makes(rules []resource.Ruleset, found *host.Rules) []Place {
	var places []Place
	for _, p := range users(rules) {
		if !found.Table(p.Family, p.Variant).Other.DockerUser {
			places = append(places, p)
		}
	}
	return places
}

// users are the tables in which rules jump from DOCKER-USER.
func users(rules []resource.Ruleset) []Place {
	var places []Place
	for _, rs := range rules {
		for _, t := range rs.Tables {
			for _, j := range t.Jumps {
				if j.From == dockerUser {
					places = append(places, Place{t.Family, rs.Variant})
				}
			}
		}
	}
	return places
}

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore loads the payload's Before, even if Do was not begun: what already is
// as before is not touched. Early in a boot the kernel is empty, and the loader
// comes later with the record that is put back now; but when recovery comes
// after the loader, that has loaded the record of the change.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	if info.Boot {
		return nil
	}
	p, err := parse(payload)
	if err != nil {
		return err
	}
	s.say("putting the rules for containers back")
	if err := loadAndCompare(ctx, loadable(p.Before), s.Lock); err != nil {
		return err
	}
	return s.removeMade(ctx, p, info)
}

// removeMade removes the DOCKER-USER that Do made. If Do did not come to say
// which it made, each that only its rules used is tried: the kernel keeps a
// chain that has rules or that a rule jumps to, as one does that is in use.
func (s *Step) removeMade(ctx context.Context, p ruleset.Payload, info txn.UndoInfo) error {
	made, err := madeBy(p, info)
	if err != nil {
		return err
	}
	found, err := host.ReadRules(ctx)
	if err != nil {
		return err
	}
	for _, m := range made {
		t := found.Table(m.Family, m.Variant).Other
		if !t.DockerUser || slices.Contains(t.Forward, "-j "+dockerUser) {
			continue // dockerd's by now, or from the start
		}
		if err := host.RemoveDockerUser(ctx, m.Family, m.Variant, s.Lock); err != nil {
			return err
		}
	}
	return nil
}

func madeBy(p ruleset.Payload, info txn.UndoInfo) ([]Place, error) {
	switch {
	case !info.Did:
		return nil, nil
	case info.Done == nil:
		return without(users(p.After), users(p.Before)), nil
	}
	var d Done
	if err := json.Unmarshal(info.Done, &d); err != nil {
		return nil, fmt.Errorf("cannot read what the journal's egress step did: %w", err)
	}
	return d.Made, nil
}

var _ txn.Step = (*Step)(nil)

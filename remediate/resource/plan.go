package resource

import (
	"encoding/json"
	"slices"
)

// PlanFormat is the version of the JSON form of a Plan.
const PlanFormat = 1

// A Plan says how a host differs from a policy and what apply would do. It is
// computed from a policy and a Snapshot alone: no clock, no file, no process.
type Plan struct {
	Format int       `json:"format"`
	Tool   string    `json:"tool"`
	Root   string    `json:"root"`
	Policy PolicyRef `json:"policy"`
	// Digest identifies what apply would do: equal digests, equal changes.
	Digest   string          `json:"digest"`
	Controls []ControlResult `json:"controls"`
	Changes  []Change        `json:"changes"`
	// Operations are changes of the running kernel, in order.
	Operations []Operation `json:"operations"`
	Service    Service     `json:"service"`
	Impacts    []Impact    `json:"impacts"`
	// Unread lists what could not be read of the host, and why.
	Unread []UnreadFact `json:"unread"`
	// Facts are what the decisions rested on; a saved plan is refused when
	// one of them has changed.
	Facts []PlanFact `json:"facts"`
}

// PolicyRef names a policy: the file or the embedded name, and the digest of
// its resolved content.
type PolicyRef struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	SHA256 string `json:"sha256"`
}

// An UnreadFact is a part of the host that could not be read.
type UnreadFact struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// A PlanFact is one thing that a plan was computed from, as comparable text.
// Texts hold no secrets: file content appears as a digest.
type PlanFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Pending reports whether apply would do anything.
func (p *Plan) Pending() bool {
	return len(p.Changes) > 0 || len(p.Operations) > 0 || p.Service.Action != NoAction
}

// Count returns how many controls have the status.
func (p *Plan) Count(s Status) int {
	n := 0
	for _, c := range p.Controls {
		if c.Status == s {
			n++
		}
	}
	return n
}

// Irreversible returns the impacts that cannot be undone.
func (p *Plan) Irreversible() []Impact {
	return slices.DeleteFunc(slices.Clone(p.Impacts), func(i Impact) bool { return i.Level != IrreversibleImpact })
}

// Levels of an Impact.
const (
	NoteImpact         = "note"
	WarningImpact      = "warning"
	IrreversibleImpact = "irreversible"
)

// digestInput is what the digest of a plan covers: the policy and the exact
// edits, not the words that explain them.
type digestInput struct {
	Policy  string        `json:"policy"`
	Changes []digestedOp  `json:"changes"`
	Kernel  []digestedOp  `json:"kernel,omitempty"`
	Action  ServiceAction `json:"action"`
}

type digestedOp struct {
	Path   string    `json:"path"`
	Action Action    `json:"action"`
	Before string    `json:"before"`
	After  string    `json:"after,omitempty"`
	Lines  *LineEdit `json:"lines,omitempty"`
}

// ComputeDigest returns the digest of what the plan would do.
func (p *Plan) ComputeDigest() string {
	in := digestInput{Policy: p.Policy.SHA256, Action: p.Service.Action}
	for _, c := range p.Changes {
		in.Changes = append(in.Changes, c.digested())
	}
	for _, o := range p.Operations {
		in.Kernel = append(in.Kernel, o.digested())
	}
	return sumJSON(in)
}

func (c Change) digested() digestedOp {
	op := digestedOp{Path: c.Path, Action: c.Action, Before: c.Before.SHA256, Lines: c.Lines}
	if c.Lines == nil && c.Action != Delete {
		op.After = Sum(c.Content)
	}
	return op
}

func (o Operation) digested() digestedOp {
	return digestedOp{Path: o.Kind + " " + o.Target, Action: o.Action, Before: Sum([]byte(o.Old)), After: Sum(o.Payload)}
}

// Digest identifies what the change would do.
func (c Change) Digest() string { return sumJSON(c.digested()) }

// Digest identifies what the operation would do.
func (o Operation) Digest() string { return sumJSON(o.digested()) }

func sumJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("internal error: plan digest: " + err.Error()) // plain structs always marshal
	}
	return Sum(b)
}

package daemonjson

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func (d *diff) result() resource.Result {
	r := resource.Result{Controls: d.controls()}
	if !bytes.Equal(d.content, d.file.Content) {
		r.Changes = []resource.Change{d.change()}
	}
	r.Service = d.service()
	r.Impacts = d.impacts(r.Service)
	return r
}

// controls joins the verdicts of each control. What stops a control goes
// first, then what changes, what a person must see, what is unknown.
func (d *diff) controls() []resource.ControlResult {
	var out []resource.ControlResult
	for _, w := range d.keys {
		if slices.ContainsFunc(out, func(c resource.ControlResult) bool { return c.ID == w.Control }) {
			continue
		}
		var vs []verdict
		for _, x := range d.keys {
			if x.Control == w.Control {
				vs = append(vs, x.verdict)
			}
		}
		out = append(out, joined(w.Control, vs))
	}
	return out
}

func joined(id string, vs []verdict) resource.ControlResult {
	slices.SortStableFunc(vs, func(a, b verdict) int { return cmp.Compare(rank(b), rank(a)) })
	c := resource.ControlResult{ID: id, Status: vs[0].status}
	var reasons, remedies []string
	for _, v := range vs {
		if rank(v) < rank(vs[0]) && (vs[0].stop || v.status == resource.OK) {
			break
		}
		reasons = appendNew(reasons, v.reason)
		remedies = appendNew(remedies, v.remedy)
	}
	c.Reason, c.Remedy = strings.Join(reasons, "; "), strings.Join(remedies, "; ")
	return c
}

func rank(v verdict) int {
	n := slices.Index([]resource.Status{resource.OK, resource.Unread, resource.Manual, resource.Changing, resource.Blocked}, v.status)
	if v.stop {
		n += 10
	}
	return n
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func (d *diff) change() resource.Change {
	c := resource.Change{
		Kind: Kind{}.Name(), Path: d.path, Action: resource.Update,
		Before: d.file.Print, Content: d.content, Old: d.file.Content,
	}
	if !d.file.Print.Exists() {
		c.Action, c.Mode, c.Old = resource.Create, 0o644, nil
		if len(replaced(d.content)) > 0 {
			c.Mode = 0o600
		}
	}
	for _, w := range d.keys {
		if !w.write {
			continue
		}
		c.Controls = appendNew(c.Controls, w.Control)
		why := fmt.Sprintf("%s (control %s)", w.reason, w.Control)
		if w.Source != "" {
			why = fmt.Sprintf("%s (control %s, %s)", w.reason, w.Control, w.Source)
		}
		c.Why = append(c.Why, why)
	}
	return c
}

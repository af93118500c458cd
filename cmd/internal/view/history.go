package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// HistoryText writes a line for each transaction.
func HistoryText(w io.Writer, list []remediate.Record, s Style) error {
	out := &printer{w: w}
	if len(list) == 0 {
		out.f("bulwark has changed nothing on this host\n")
	}
	for _, r := range list {
		if r.Damaged != "" {
			out.f("%s  %s\n", r.ID, s.paint(red, "damaged: "+r.Damaged))
			continue
		}
		out.f("%s  %s  %s  %s\n", r.ID, r.Created.Format(time.RFC3339), outcome(r, s, len("rolled-back")), files(r))
	}
	return out.err
}

func outcome(r remediate.Record, s Style, width int) painted {
	col := red
	switch r.Outcome {
	case "committed":
		col = green
	case string(remediate.Awaiting):
		col = yellow
	}
	text := s.paint(col, fmt.Sprintf("%-*s", width, r.Outcome))
	if !r.ConfirmBy.IsZero() {
		text += painted("  until " + r.ConfirmBy.Local().Format(time.DateTime))
	}
	if r.Rollback != "" {
		text += painted("  rollback of " + resource.Printable(r.Rollback))
	}
	return text
}

func files(r remediate.Record) string {
	var paths []string
	for _, f := range r.Files {
		paths = append(paths, f.Path)
	}
	if len(r.Limits) > 0 {
		paths = append(paths, "limits of "+count(len(r.Limits), "container"))
	}
	return strings.Join(paths, " ")
}

// RecordText writes one transaction with its diffs.
func RecordText(w io.Writer, r *remediate.Record, s Style) error {
	out := &printer{w: w}
	out.f("transaction %s: %s\n", s.paint(bold, r.ID), outcome(*r, s, 0))
	if r.Reason != "" {
		out.f("  because: %s\n", r.Reason)
	}
	out.f("  made %s by bulwark %s: bulwark %s\n", r.Created.Format(time.RFC3339), r.Tool, strings.Join(r.Command, " "))
	if r.User != "" {
		out.f("  for user %s\n", r.User)
	}
	for _, n := range r.Notes {
		out.f("  note: %s\n", n)
	}
	for _, f := range r.Files {
		m, col := marker(f.Action)
		out.f("%s %s\n", s.paint(col, m), s.paint(bold, f.Path))
		if f.Sensitive {
			out.f("    (content not shown: the file holds secrets)\n")
		}
		diff(out, f.Diff, s)
	}
	for _, l := range r.Limits {
		m, col := marker(resource.Update)
		out.f("%s %s\n", s.paint(col, m), s.paint(bold, "container "+l.Container))
		diff(out, l.Diff, s)
	}
	return out.err
}

package remediate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// unified renders a change as a unified diff whose header says which side is
// the host. Secrets are replaced on both sides before they are compared.
func unified(c resource.Change, policy string) string {
	from := fmt.Sprintf("current %s (host)", c.Path)
	to := fmt.Sprintf("desired %s (policy %s, %s)", c.Path, policy, strings.Join(c.Controls, ", "))
	switch {
	case c.Sensitive:
		return ""
	case c.Lines != nil:
		return lineDiff(from, to, c.Lines)
	}
	return udiff.Unified(from, to, shown(c.Path, c.Old), shown(c.Path, c.Content))
}

// lineDiff shows only the lines: the rest of the file is other people's.
func lineDiff(from, to string, e *resource.LineEdit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", from, to)
	for _, l := range e.Remove {
		fmt.Fprintf(&b, "-%s\n", l)
	}
	for _, l := range e.Add {
		fmt.Fprintf(&b, "+%s\n", l)
	}
	return b.String()
}

// shown is what of a file's content people see: of the record of rules the
// rules as they are shown for the kernel, with long sets cut short.
func shown(path string, content []byte) string {
	var rec ruleset.Record
	if path == egress.RulesPath && json.Unmarshal(content, &rec) == nil {
		return ruleset.Text(rec.Rules)
	}
	// What augenrules makes is the same once more, in another order.
	if path == auditrules.CompiledFile {
		return ""
	}
	if slices.Contains([]string{auditrules.OwnFile, auditrules.TmpfilesFile, auditrules.JournaldFile}, path) {
		return string(scrubText(content))
	}
	return redacted(content)
}

// redacted returns what of daemon.json, under whatever name, may be shown;
// nothing of what cannot be parsed.
func redacted(content []byte) string { return string(daemonjson.Redact(content)) }

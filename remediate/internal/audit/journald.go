package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// parseJournald reads what systemd-analyze cat-config systemd/journald.conf
// prints: each file below a comment with its path, in the order in which they
// are read. A line that is commented out in journald.conf itself is the
// default that systemd was built with (journald.conf(5)).
func parseJournald(out []byte) []resource.AuditSetting {
	var all []resource.AuditSetting
	file, number, section := "", 0, ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		number++
		if path, ok := strings.CutPrefix(line, "# /"); ok && strings.HasSuffix(path, ".conf") {
			file, number, section = "/"+path, 0, ""
			continue
		}
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		name, commented := strings.CutPrefix(strings.TrimSpace(name), "#")
		if section != "[Journal]" || name != "Audit" || commented && !strings.HasSuffix(file, "/journald.conf") {
			continue
		}
		all = append(all, resource.AuditSetting{
			Value: strings.TrimSpace(value), Origin: fmt.Sprintf("%s line %d", file, number), Default: commented,
		})
	}
	return all
}

// journaldEnds says where it is said, bulwark's own file aside, that
// systemd-journald switches auditing off when it starts; "" if it does not.
// systemd's own default is yes: then it is switched on.
func (p *plan) journaldEnds() string {
	return ends(slices.DeleteFunc(slices.Clone(p.audit.Journal), ours))
}

// journaldWins is the same for what comes after bulwark's own file.
func (p *plan) journaldWins() string {
	i := slices.IndexFunc(p.audit.Journal, ours)
	if i < 0 {
		return ""
	}
	return ends(slices.DeleteFunc(slices.Clone(p.audit.Journal[i+1:]), func(s resource.AuditSetting) bool { return s.Default }))
}

func ours(s resource.AuditSetting) bool {
	return strings.HasPrefix(s.Origin, auditrules.JournaldFile+" ")
}

func ends(settings []resource.AuditSetting) string {
	var last resource.AuditSetting
	for _, s := range settings {
		if !s.Default || last == (resource.AuditSetting{}) || last.Default {
			last = s
		}
	}
	// The words of parse_boolean in systemd.
	if slices.Contains([]string{"no", "n", "false", "f", "off", "0"}, strings.ToLower(last.Value)) {
		return last.Origin
	}
	return ""
}

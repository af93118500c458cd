package audit

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// What systemd-analyze cat-config prints, and what journald will do by it.
func TestJournald(t *testing.T) {
	const shipped = "# /etc/systemd/journald.conf\n# see journald.conf(5)\n\n[Journal]\n#Storage=auto\n#Audit=no\n"
	for name, c := range map[string]struct{ out, ends string }{
		"default no":           {shipped, "/etc/systemd/journald.conf line 5"},
		"default yes":          {"# /usr/lib/systemd/journald.conf\n[Journal]\n#Audit=yes\n", ""},
		"set":                  {shipped + "\n# /etc/systemd/journald.conf.d/10.conf\n[Journal]\nAudit = yes\n", ""},
		"left alone":           {shipped + "\n# /etc/systemd/journald.conf.d/10.conf\n[Journal]\nAudit=\n", ""},
		"set to no":            {"# /etc/systemd/journald.conf\n[Journal]\n#Audit=yes\n\n# /etc/systemd/journald.conf.d/10.conf\n[Journal]\nAudit=Off\n", "/etc/systemd/journald.conf.d/10.conf line 2"},
		"in another section":   {shipped + "\n# /etc/systemd/journald.conf.d/10.conf\n[Other]\nAudit=yes\n", "/etc/systemd/journald.conf line 5"},
		"comment in a drop-in": {shipped + "\n# /etc/systemd/journald.conf.d/10.conf\n[Journal]\n#Audit=yes\n", "/etc/systemd/journald.conf line 5"},
		"own file":             {shipped + "\n# /etc/systemd/journald.conf.d/60-bulwark-audit.conf\n[Journal]\nAudit=\n", "/etc/systemd/journald.conf line 5"},
	} {
		p := &plan{audit: resource.Audit{Journal: parseJournald([]byte(c.out))}}
		if got := p.journaldEnds(); got != c.ends {
			t.Errorf("%s: ends at %q, want %q", name, got, c.ends)
		}
	}
}

func FuzzJournald(f *testing.F) {
	f.Add([]byte("# /etc/systemd/journald.conf\n[Journal]\n#Audit=no\n"))
	f.Add([]byte("Audit=\n[Journal]\n=\n# /.conf\nAudit"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range parseJournald(b) {
			if s.Origin == "" {
				t.Errorf("%q has no origin", s.Value)
			}
		}
	})
}

package auditrules_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Whether writes to /etc/docker are recorded by rules in this order.
func TestRecords(t *testing.T) {
	at := func(p string) (resource.AuditPath, bool) {
		return resource.AuditPath{Real: p, Type: resource.Dir, Parent: true}, true
	}
	for text, want := range map[string]bool{
		"":                       false,
		"-w /etc/docker -p wa":   true,
		"-w /etc/docker -p rwa":  true,
		"-w /etc/docker -p w":    false,
		"-w /etc/docker -p a":    false,
		"-w /etc/docker -p x":    false,
		"-w /etc -p wa":          true,
		"-w /etc/docker2 -p wa":  false,
		"-w /etc/docker/x -p wa": false,
		"-a always,exit -F dir=/etc/docker -F perm=wa -F auid>=1000":                false,
		"-a always,exit -F dir=/etc/docker -F perm=wa -F success=1":                 false,
		"-a always,exit -F arch=b64 -F dir=/etc/docker -F perm=wa":                  true,
		"-a always,exit -F arch=b32 -F dir=/etc/docker -F perm=wa":                  false,
		"-a always,exit -F arch=b64 -S all -F dir=/etc/docker":                      true,
		"-a always,exit -F arch=b64 -S chmod -F dir=/etc/docker":                    false,
		"-a always,exit -F arch=b64 -S chmod -F dir=/etc/docker -F perm=wa":         false,
		"-a never,exit -F dir=/etc/docker\n-w /etc -p wa":                           false,
		"-a never,exit -F dir=/etc -F perm=w\n-w /etc/docker -p wa":                 false,
		"-a never,exit -F dir=/etc -F perm=x\n-w /etc/docker -p wa":                 true,
		"-a never,exit -F dir=/usr\n-w /etc/docker -p wa":                           true,
		"-a never,exit -S all\n-w /etc/docker -p wa":                                false,
		"-w /etc/docker -p wa\n-a never,exit -S all":                                true,
		"-w /etc/docker -p wa\n-a never,task":                                       false,
		"-a always,task\n-w /etc/docker -p wa":                                      true,
		"-a never,exit -F arch=b64 -S adjtimex -F auid=unset\n-w /etc/docker -p wa": true,
	} {
		var rules []resource.AuditRule
		for _, r := range auditrules.Rules(auditrules.ParseFile(resource.File{Path: "r", Content: []byte(text + "\n")}, at)) {
			rules = append(rules, resource.AuditRule{Wire: r.Wire, Text: r.Text})
		}
		if n := len(strings.Fields(strings.ReplaceAll(text, "\n-", " "))); n > 0 && len(rules) == 0 {
			t.Errorf("%q: no rule of it could be read", text)
		}
		if got := auditrules.Records(rules, "/etc/docker"); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	broken := []resource.AuditRule{{Wire: []byte("x")}}
	if auditrules.Records(broken, "/etc/docker") {
		t.Error("a rule that cannot be decoded records")
	}
}

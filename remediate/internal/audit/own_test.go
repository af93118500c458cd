package audit_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// What is staged passes, and what auditctl would refuse does not.
func TestCheck(t *testing.T) {
	hosts(t, func(t *testing.T, s *resource.Snapshot) {
		content := kind.Diff(&audit.Want{Groups: everything, Immutable: true}, s, nil).Changes[0].Content
		if err := audit.Check(content, s); err != nil {
			t.Error(err)
		}
		bad := append(content, "-a always,exit -F colour=red\n"...)
		if err := audit.Check(bad, s); err == nil || !strings.Contains(err.Error(), "60-bulwark.rules line ") {
			t.Error(err)
		}
	})
}

// bulwark's rules are told from those of others by their keys, and by its file.
func TestOwn(t *testing.T) {
	s := converged(t)
	all := len(s.Audit.Value.Kernel.Value.Rules)
	s.Audit.Value.Kernel.Value.Rules = append(s.Audit.Value.Kernel.Value.Rules, rule(t, "-w /etc/motd -p wa -k motd").Kernel())
	own, k, err := audit.Own(s)
	if err != nil || len(own) != all || len(k.Rules) != all+1 {
		t.Errorf("%d of %d rules are bulwark's: %v", len(own), len(k.Rules), err)
	}
	s.Audit = resource.Unknown[resource.Audit]("not asked for")
	if _, _, err := audit.Own(s); err == nil {
		t.Error("no error")
	}
}

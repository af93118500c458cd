// Package ruleset knows the text of netfilter rules: it reads what
// iptables-save and nft list print, and writes what iptables-restore and nft
// load. It is pure; host runs the programs.
package ruleset

import (
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Payload is what the journal keeps of a change of the kernel's rules: what
// bulwark had there before, and what it wants. Empty means nothing.
type Payload struct {
	Before []resource.Ruleset `json:"before"`
	After  []resource.Ruleset `json:"after"`
}

// A Record is the content of bulwark's own file of committed rules, from which
// they are loaded at boot.
type Record struct {
	Format int                `json:"format"` // 1
	Rules  []resource.Ruleset `json:"rules"`
}

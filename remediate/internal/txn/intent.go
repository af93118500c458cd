package txn

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Format is the version of the journal. A newer one is refused.
const Format = 1

// Kind is what an operation does to its path.
type Kind string

// The kinds of operation.
const (
	Mkdir  Kind = "mkdir"
	Make   Kind = "create"
	Swap   Kind = "replace"
	Delete Kind = "delete"
	Rmdir  Kind = "rmdir" // only if it is empty
)

// An Op is one operation on one path, with all that is needed to do it and to
// take it back but for the bytes, which lie in before/N and after/N.
type Op struct {
	N    int    `json:"n"`
	Kind Kind   `json:"kind"`
	Path string `json:"path"`
	// Temp and Undo are names beside the path, for the file to be put in
	// place and for the one to be put back. They are fixed here, so that
	// after a crash every temporary file has an owner.
	Temp string `json:"tmp"`
	Undo string `json:"rb"`

	Before resource.Fingerprint `json:"before"`
	After  resource.Fingerprint `json:"after"`
	// Mtime says that After.MtimeNS is to be set (on rollback).
	Mtime     bool     `json:"mtime,omitempty"`
	Lock      string   `json:"lock,omitempty"`
	Controls  []string `json:"controls,omitempty"`
	Sensitive bool     `json:"sensitive,omitempty"`
}

// Actor is who asked for the transaction.
type Actor struct {
	UID           int    `json:"uid"`
	User          string `json:"user,omitempty"`
	SudoUser      string `json:"sudo_user,omitempty"`
	LoginUID      string `json:"login_uid,omitempty"`
	SSHConnection string `json:"ssh_connection,omitempty"`
}

// A StepSpec names a Step and what it is to do. The payload goes to the
// journal: no secrets.
type StepSpec struct {
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Intent is what a transaction is going to do; written once.
type Intent struct {
	Format  int    `json:"format"`
	ID      string `json:"id"`
	Serial  uint64 `json:"serial"`
	Lineage string `json:"lineage"`
	// Parent is the last committed transaction before this one.
	Parent  string    `json:"parent,omitempty"`
	Created time.Time `json:"created"`
	BootID  string    `json:"boot_id"`

	Tool      string   `json:"tool"`
	Command   []string `json:"command"`
	PlanSHA   string   `json:"plan_sha,omitempty"`
	PolicySHA string   `json:"policy_sha,omitempty"`
	Actor     Actor    `json:"actor"`
	// RollbackTo is set when this transaction restores the state before
	// that one.
	RollbackTo string `json:"rollback_to,omitempty"`

	Ops   []Op       `json:"ops"`
	Steps []StepSpec `json:"steps,omitempty"`
}

var idPattern = regexp.MustCompile(`^[0-9]{6,20}-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$`)

func parseIntent(b []byte, id string) (*Intent, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, err
	}
	if head.Format != Format {
		return nil, fmt.Errorf("it has format %d, this program knows %d", head.Format, Format)
	}
	in := new(Intent)
	if err := json.Unmarshal(b, in); err != nil {
		return nil, err
	}
	if in.ID != id {
		return nil, fmt.Errorf("it is of transaction %q", in.ID)
	}
	if in.Parent != "" && !older(in.Parent, id) {
		return nil, fmt.Errorf("%.80q, which it says came before, is no older transaction", in.Parent)
	}
	for i, op := range in.Ops {
		if op.N != i || op.Path == "" || badName(op.Temp) || badName(op.Undo) {
			return nil, fmt.Errorf("operation %d is malformed", i)
		}
	}
	return in, nil
}

// older compares the serials of two ids. Parents are followed until there is
// none: a circle of them would have no end.
func older(a, b string) bool {
	if !idPattern.MatchString(a) {
		return false
	}
	x, y := serialOf(a), serialOf(b)
	return len(x) < len(y) || len(x) == len(y) && x < y
}

func serialOf(id string) string {
	serial, _, _ := strings.Cut(id, "-")
	return strings.TrimLeft(serial, "0")
}

// badName guards against a temporary name that leads out of the directory.
func badName(s string) bool {
	return len(s) < 3 || !strings.HasPrefix(s, ".") || !strings.HasSuffix(s, "~") || strings.ContainsAny(s, "/\x00")
}

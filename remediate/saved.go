package remediate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// SavedFormat is the version of a saved plan's JSON.
const SavedFormat = 1

// savedLife is how long a saved plan may be applied.
const savedLife = 7 * 24 * time.Hour

// A SavedPlan is a promise, not a payload: digests and facts, no content of
// any file. apply computes the plan again and refuses if it came out
// different, so a tampered file can be refused but never carried out.
type SavedPlan struct {
	Format  int       `json:"format"`
	Tool    string    `json:"tool"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Lineage and Serial name the state of the host's history: each apply
	// raises the serial, so a plan can be applied once.
	Lineage string              `json:"lineage"`
	Serial  uint64              `json:"serial"`
	Policy  resource.PolicyRef  `json:"policy"`
	Facts   []resource.PlanFact `json:"facts"`
	Digest  string              `json:"digest"`
	// Sum is the SHA-256 of the JSON with Sum empty: it finds damage, not
	// malice.
	Sum string `json:"sum"`
}

// Save writes the plan's promise to a file of mode 0600.
func (h *Host) Save(p *resource.Plan, path string) error {
	lineage, serial := h.position()
	sp := SavedPlan{
		Format: SavedFormat, Tool: h.Tool, Created: time.Now().UTC(),
		Expires: time.Now().UTC().Add(savedLife), Lineage: lineage, Serial: serial,
		Policy: p.Policy, Facts: p.Facts, Digest: p.Digest,
	}
	sp.Sum = sp.sum()
	// Beside its target: renameio would try $TMPDIR first.
	beside := renameio.WithTempDir(filepath.Dir(path))
	if err := renameio.WriteFile(path, sp.encode(), 0o600, renameio.IgnoreUmask(), beside); err != nil {
		return fmt.Errorf("cannot write the plan to %s: %w", path, err)
	}
	return nil
}

// encode gives what Save writes, and all that LoadPlan takes: another spelling
// of the same would pass the sum.
func (p SavedPlan) encode() []byte {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic("internal error: saved plan: " + err.Error()) // plain structs always marshal
	}
	return append(b, '\n')
}

func (p SavedPlan) sum() string {
	p.Sum = ""
	b, err := json.Marshal(p)
	if err != nil {
		panic("internal error: saved plan: " + err.Error()) // plain structs always marshal
	}
	return resource.Sum(b)
}

// position is the host's place in its history; a host that never applied has
// none, and says so in every plan.
func (h *Host) position() (lineage string, serial uint64) {
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return "", 0
	}
	st, err := r.State()
	if err != nil {
		return "", 0
	}
	return st.Lineage, st.Serial
}

// maxSaved bounds what is read as a saved plan.
const maxSaved = 4 << 20

// readSaved reads at most maxSaved bytes: what is named may be a device, whose
// size is 0.
func readSaved(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSaved+1))
	if err == nil && len(b) > maxSaved {
		err = fmt.Errorf("more than %d bytes", maxSaved)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan %s: %w", path, err)
	}
	return b, nil
}

// LoadPlan reads a saved plan and checks that it is whole.
func LoadPlan(path string) (*SavedPlan, error) {
	b, err := readSaved(path)
	if err != nil {
		return nil, err
	}
	var p SavedPlan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("cannot read the plan %s: %w", path, err)
	}
	switch {
	case d.More():
		return nil, fmt.Errorf("cannot read the plan %s: something follows its JSON", path)
	case p.Format != SavedFormat:
		return nil, fmt.Errorf("cannot read the plan %s: format %d, this bulwark reads %d", path, p.Format, SavedFormat)
	case p.Sum != p.sum() || !bytes.Equal(b, p.encode()):
		return nil, fmt.Errorf("cannot read the plan %s: it was altered or is damaged", path)
	}
	return &p, nil
}

// Check compares the promise with the plan as it came out now. The error is
// a *StaleError that names what has changed; causes come before what follows from
// them.
func (p *SavedPlan) Check(h *Host, now *resource.Plan) error {
	lineage, serial := h.position()
	drift := Drift(p.Facts, now.Facts)
	what := ""
	switch {
	case factOf(p.Facts, hostFact) != factOf(now.Facts, hostFact):
		what = "it was made for another host"
	case time.Now().After(p.Expires):
		what = "it expired at " + p.Expires.Format(time.RFC3339)
	case p.Tool != now.Tool:
		what = fmt.Sprintf("bulwark was %s, now %s", p.Tool, now.Tool)
	case p.Policy.SHA256 != now.Policy.SHA256:
		what = "the policy " + p.Policy.Source + " has changed"
	case drift != "":
		what = drift + hindrance(now)
	case p.Lineage != "" && p.Lineage != lineage:
		what = fmt.Sprintf("it belongs to another history of this host: lineage was %q, now %q", p.Lineage, lineage)
	case p.Lineage != lineage || p.Serial != serial:
		what = fmt.Sprintf("the host was changed since: serial was %d, now %d", p.Serial, serial)
	case p.Digest != now.Digest:
		what = "the changes came out different"
	default:
		return nil
	}
	return &StaleError{What: what}
}

// hindrance says why controls cannot be brought about now: a change that is in
// the saved plan only may be missing for the sake of a fact about another file.
func hindrance(now *resource.Plan) string {
	var reasons []string
	for _, c := range now.Controls {
		if (c.Status == resource.Blocked || c.Status == resource.Unread) && !slices.Contains(reasons, c.Reason) {
			reasons = append(reasons, c.Reason)
		}
	}
	if reasons == nil {
		return ""
	}
	return " (" + strings.Join(reasons, "; ") + ")"
}

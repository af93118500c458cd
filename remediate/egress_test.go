package remediate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func recordFile(content string) resource.File {
	return resource.File{
		Print:   resource.Fingerprint{Type: resource.Regular, SHA256: resource.Sum([]byte(content)), Mode: 0o600},
		Content: []byte(content),
	}
}

const goodRecord = `{"format":1,"rules":[{"backend":"iptables","variant":"nft","tables":[{"family":"ip",
	"jumps":[{"from":"DOCKER-USER","to":"BULWARK-EGRESS","at":1}],
	"chains":[{"name":"BULWARK-EGRESS","rules":["-i docker0 -j BULWARK-OUT"]},{"name":"BULWARK-OUT","rules":["-j DROP"]}],
	"sets":[{"name":"bulwark-4-0123456789ab","family":"ip","members":["192.0.2.0/24"]}]}]}]}`

// Only a whole record, written by root, of rules that are bulwark's own is
// loaded into the kernel.
func TestRecordIsWholeOrRefused(t *testing.T) {
	if rec, err := parseRecord(recordFile(goodRecord)); err != nil || len(rec.Rules) != 1 {
		t.Fatal(rec, err)
	}
	if rec, err := parseRecord(resource.File{Print: resource.Fingerprint{Type: resource.Absent}}); err != nil || len(rec.Rules) != 0 {
		t.Fatal(rec, err)
	}
	for name, content := range map[string]string{
		"cut off":        goodRecord[:len(goodRecord)/2],
		"empty":          "",
		"two documents":  goodRecord + "{}",
		"unknown field":  strings.Replace(goodRecord, `"format"`, `"colour":1,"format"`, 1),
		"newer format":   strings.Replace(goodRecord, `"format":1`, `"format":2`, 1),
		"backend":        strings.Replace(goodRecord, `"iptables"`, `"pf"`, 1),
		"foreign chain":  strings.Replace(goodRecord, `"name":"BULWARK-OUT"`, `"name":"DOCKER-USER"`, 1),
		"foreign jump":   strings.Replace(goodRecord, `"to":"BULWARK-EGRESS"`, `"to":"DOCKER"`, 1),
		"jump from":      strings.Replace(goodRecord, `"from":"DOCKER-USER"`, `"from":"X -F"`, 1),
		"long chain":     strings.Replace(goodRecord, `"name":"BULWARK-OUT"`, `"name":"BULWARK-OUTOUTOUTOUTOUTOUTOUTO"`, 1),
		"foreign set":    strings.Replace(goodRecord, "bulwark-4-", "admins-4-", 1),
		"rule in a rule": strings.Replace(goodRecord, `"-j DROP"`, `"-j DROP\n-F INPUT"`, 1),
	} {
		if _, err := parseRecord(recordFile(content)); err == nil || !strings.Contains(err.Error(), "/var/lib/bulwark/egress.json is damaged: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, print := range map[string]resource.Fingerprint{
		"link":     {Type: resource.Symlink, Mode: 0o600},
		"writable": {Type: resource.Regular, Mode: 0o620},
		"owner":    {Type: resource.Regular, Mode: 0o600, UID: 1000},
	} {
		f := recordFile(goodRecord)
		f.Print = print
		if _, err := parseRecord(f); err == nil {
			t.Errorf("%s: the record was taken", name)
		}
	}
}

// What is taken has no way to name a chain, jump or set of somebody else, and
// survives being written and read again.
func FuzzRecord(f *testing.F) {
	f.Add(goodRecord)
	f.Add(`{"format":1,"rules":null}`)
	f.Add(`{"format":1,"rules":[{"backend":"nftables","tables":[{"family":"inet","chains":[{"name":"forward","hook":"type filter hook forward priority -10; policy accept;","rules":["jump egress"]}]}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := parseRecord(recordFile(text))
		if err != nil {
			return
		}
		foreign(t, rec)
		b, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseRecord(recordFile(string(b))); err != nil {
			t.Errorf("%q was taken, and not once more: %v", text, err)
		}
	})
}

func foreign(t *testing.T, rec *ruleset.Record) {
	t.Helper()
	for _, r := range rec.Rules {
		for _, table := range r.Tables {
			for _, c := range table.Chains {
				if r.Backend == "iptables" && !strings.HasPrefix(c.Name, "BULWARK-") {
					t.Errorf("the chain %q", c.Name)
				}
				for _, rule := range c.Rules {
					if strings.ContainsAny(rule, "\n\r\x00") {
						t.Errorf("the rule %q", rule)
					}
				}
			}
			for _, j := range table.Jumps {
				if !strings.HasPrefix(j.To, "BULWARK-") || strings.ContainsAny(j.From, " \n") {
					t.Errorf("the jump %q to %q", j.From, j.To)
				}
			}
		}
	}
}

// People see the record as rules, in the words that the plan has for them; of
// a record that cannot be read they see nothing that was not judged.
func TestRecordIsShownAsRules(t *testing.T) {
	text := shown("/var/lib/bulwark/egress.json", []byte(goodRecord))
	for _, want := range []string{"DOCKER-USER", "-i docker0 -j BULWARK-OUT", "bulwark-4-0123456789ab"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	if strings.ContainsAny(text, "{}") {
		t.Errorf("JSON shows:\n%s", text)
	}
	if got := shown("/var/lib/bulwark/egress.json", []byte(goodRecord[:100])); got != "" {
		t.Errorf("of a damaged record shows %q", got)
	}
	if got := shown("/etc/docker/daemon.json", []byte(goodRecord)); !strings.Contains(got, `"format"`) {
		t.Errorf("another file is taken for the record: %q", got)
	}
}

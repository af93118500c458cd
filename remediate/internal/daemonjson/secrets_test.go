package daemonjson_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
)

func TestSecrets(t *testing.T) {
	got := daemonjson.Secrets([]byte(`{
  "proxies": {"http-proxy": "http://user:hunter22@proxy:3128", "https-proxy": "user:pa:ss@w@proxy", "no-proxy": "example.com"},
  "log-opts": {"splunk-token": "t0ken", "splunk-url": "https://splunk", "max-size": "1m"},
  "labels": ["password=swordfish", "team=web"],
  "api-key": {"a": "x12", "b": "deep1", "c": 123456}
}`))
	want := []string{
		"http://user:hunter22@proxy:3128", "password=swordfish", "user:pa:ss@w@proxy",
		"swordfish", "hunter22", "pa:ss@w", "123456", "deep1", "t0ken",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := daemonjson.Secrets([]byte(`{"a": `)); got != nil {
		t.Errorf("of a broken file: %q", got)
	}
}

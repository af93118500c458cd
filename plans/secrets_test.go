package plans_test

import (
	"strings"
	"testing"
)

// A message about a value that may be a secret does not quote it.
func TestFaultsQuoteNoSecret(t *testing.T) {
	for _, doc := range []string{
		"daemon: {log-driver: splunk, log-opts: {splunk-token: 47114711}}",
		"daemon: {log-driver: splunk, log-opts: {splunk-token: 0x47114711}}",
		"daemon: {log-driver: splunk, log-opts: splunk-token=47114711}",
		"daemon: {log-driver: splunk, log-opts: {splunk-token: [47114711]}}",
		"daemon: {registry-mirrors: 'http://u:47114711@h'}",
		"daemon: {labels: password=47114711}",
		"daemon: {proxies: 'http://u:47114711@h'}",
		"egress: {allow: [{to: 'http://u:47114711@h'}]}",
	} {
		_, err := load("version: 1\n" + doc)
		if err == nil || strings.Contains(err.Error(), "47114711") {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

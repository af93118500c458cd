package cli

import (
	"strings"
	"testing"
)

func TestParseTargets(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.7":            "203.0.113.7:80",
		"203.0.113.7:443":        "203.0.113.7:443",
		"2001:db8::7":            "[2001:db8::7]:80",
		"[2001:db8::7]":          "[2001:db8::7]:80",
		"[2001:db8::7]:443":      "[2001:db8::7]:443",
		"::ffff:203.0.113.7":     "203.0.113.7:80",
		"169.254.169.254":        "169.254.169.254:80",
		"203.0.113.7 2001:db8::": "203.0.113.7:80 [2001:db8::]:80",

		"":                           "names are not looked up",
		"evil.com":                   "names are not looked up",
		"evil.com:80":                "names are not looked up",
		"203.0.113.7:0":              "a port from 1 to 65535",
		"203.0.113.7:65536":          "a port from 1 to 65535",
		"203.0.113.7:http":           "a port from 1 to 65535",
		"203.0.113.0/24":             "an address",
		"0.0.0.0":                    "through routers",
		"127.0.0.1:80":               "through routers",
		"::1":                        "through routers",
		"224.0.0.1":                  "through routers",
		"fe80::1%eth0":               "through routers",
		"203.0.113.7 203.0.113.8:53": "one address of each IP version",
	} {
		list, err := parseTargets(strings.Split(in, " "))
		var got []string
		for _, at := range list {
			got = append(got, at.String())
		}
		said := strings.Join(got, " ")
		if err != nil {
			said = err.Error()
		}
		if said != want && (err == nil || !strings.Contains(said, want)) {
			t.Errorf("%q: %s", in, said)
		}
	}
}

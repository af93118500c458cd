package daemonjson_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// shapes are unusual files that dockerd of today reads without complaint. None
// of them has the key "icc".
func shapes() map[string]string {
	return map[string]string{
		"one member":             `{"debug": true}`,
		"tight":                  `{"debug":true,"labels":["a=b"]}`,
		"spaced":                 `{ "debug": true, "experimental": false }`,
		"spaced, one member":     `{ "debug": true }`,
		"space before colon":     `{"debug" : true , "experimental" : false}`,
		"four spaces":            "{\n    \"debug\": true,\n    \"mtu\": 1400\n}\n",
		"two spaces":             "{\n  \"debug\": true,\n  \"mtu\": 1400\n}\n",
		"three spaces":           "{\n   \"debug\": true\n}\n",
		"tabs":                   "{\n\t\"debug\": true,\n\t\"log-opts\": {\n\t\t\"max-size\": \"10m\"\n\t}\n}\n",
		"CRLF":                   "{\r\n  \"debug\": true,\r\n  \"mtu\": 1400\r\n}\r\n",
		"CRLF and tabs":          "{\r\n\t\"debug\": true\r\n}",
		"no final newline":       "{\n  \"debug\": true\n}",
		"many final newlines":    "{\n  \"debug\": true\n}\n\n\n",
		"leading blank lines":    "\n\n{\n  \"debug\": true\n}\n",
		"indented as a whole":    "    {\n        \"debug\": true\n    }\n",
		"brace on the key line":  "{ \"debug\": true,\n  \"mtu\": 1400 }\n",
		"comma first":            "{\n  \"debug\": true\n, \"mtu\": 1400\n, \"ipv6\": false\n}\n",
		"no indent":              "{\n\"debug\": true,\n\"mtu\": 1400\n}\n",
		"mixed indent":           "{\n\t\"debug\": true,\n    \"mtu\": 1400\n}\n",
		"blank lines between":    "{\n  \"debug\": true,\n\n\n  \"mtu\": 1400\n}\n",
		"aligned values":         "{\n  \"debug\":   true,\n  \"mtu\":     1400\n}\n",
		"trailing spaces":        "{  \n  \"debug\": true,   \n  \"mtu\": 1400   \n}   \n",
		"two per line":           "{\n  \"debug\": true, \"mtu\": 1400,\n  \"ipv6\": false\n}\n",
		"byte order mark":        "\ufeff{\n  \"debug\": true\n}\n",
		"BOM, one line":          "\ufeff{\"debug\":true}",
		"unicode":                "{\n  \"labels\": [\"ort=Zürich\", \"emoji=🐳\", \"ключ=значение\"]\n}\n",
		"escapes":                "{\n  \"labels\": [\"a=\\u00fc\\n\\\"\\\\\\/\", \"b=\\ud83d\\udc33\"]\n}\n",
		"escaped key":            "{\n  \"\\u0064ebug\": true\n}\n",
		"braces in strings":      "{\n  \"labels\": [\"a=}{][,:\\\"\", \"url=http://x//y\"]\n}\n",
		"deep builder":           `{"builder":{"GC":{"Enabled":true,"Policy":[{"Filter":["unused-for=2200h"],"KeepStorage":"50GB"},{"All":true}]}}}`,
		"big numbers":            "{\n  \"builder\": {\"x\": 123456789012345678901234567890, \"y\": 1.50e+300, \"z\": -0}\n}\n",
		"runtimes":               "{\n  \"runtimes\": {\n    \"nvidia\": {\n      \"path\": \"nvidia-container-runtime\",\n      \"runtimeArgs\": []\n    }\n  },\n  \"default-runtime\": \"nvidia\"\n}\n",
		"proxies":                "{\n  \"proxies\": {\n    \"http-proxy\": \"http://user:pass@proxy:3128\",\n    \"no-proxy\": \"*.local,127.0.0.0/8\"\n  }\n}\n",
		"null value":             "{\n  \"debug\": null,\n  \"dns\": null\n}\n",
		"empty containers":       "{\"labels\":[],\"log-opts\":{},\"features\":{ }}",
		"address pools":          "{\n  \"default-address-pools\": [\n    {\"base\": \"172.30.0.0/16\", \"size\": 24},\n    {\"base\": \"fd00::/104\", \"size\": 112}\n  ]\n}\n",
		"ulimits":                "{\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Hard\": 64000, \"Soft\": 64000}}}\n",
		"lists over lines":       "{\n  \"dns\": [\n    \"10.0.0.2\",\n    \"10.0.0.3\"\n  ],\n  \"hosts\": [\"unix:///run/docker.sock\"]\n}\n",
		"closing brace indented": "{\n  \"debug\": true\n  }\n",
		"network options":        "{\n\t\"default-network-opts\": {\"bridge\": {\"com.docker.network.driver.mtu\": \"1400\"}}\n}",
		"vertical":               "{\n\"debug\"\n:\ntrue\n,\n\"mtu\"\n:\n1400\n}\n",
	}
}

func key(name, value string) resource.DaemonKey {
	k := resource.DaemonKey{Key: name, Control: name}
	if value != "" {
		k.Value = json.RawMessage(value)
	}
	return k
}

func TestEditKeepsEveryOtherByte(t *testing.T) {
	if n := len(shapes()); n < 40 {
		t.Fatalf("%d shapes, want 40", n)
	}
	engine := daemonjson.Version{Major: 29, Minor: 0}
	for name, in := range shapes() {
		t.Run(name, func(t *testing.T) {
			if bad := refused([]byte(in), engine); len(bad) > 0 {
				t.Fatalf("the shape itself is refused: %v", bad)
			}
			for _, value := range []string{`false`, `"a string"`, `["x","y"]`, `{"k":"v","o":{"p":[1,{"q":null}]}}`} {
				out, err := daemonjson.Edit([]byte(in), []resource.DaemonKey{key("icc", value)})
				if err != nil {
					t.Fatal(err)
				}
				wantMember(t, in, out, "icc", value)
				again, err := daemonjson.Edit(out, []resource.DaemonKey{key("icc", value)})
				if err != nil || !bytes.Equal(again, out) {
					t.Fatalf("second edit differs (%v):\n%s", err, cmp.Diff(string(out), string(again)))
				}
				back, err := daemonjson.Edit(out, []resource.DaemonKey{key("icc", "")})
				if err != nil || string(back) != in {
					t.Fatalf("removal does not undo (%v):\n%s", err, cmp.Diff(in, string(back)))
				}
			}
			out, _ := daemonjson.Edit([]byte(in), []resource.DaemonKey{key("icc", "false")})
			if bad := refused(out, engine); len(bad) > 0 {
				t.Fatalf("result is refused: %v\n%s", bad, out)
			}
		})
	}
}

// wantMember decodes both files as dockerd does: they must differ in one key.
func wantMember(t *testing.T, in string, out []byte, name, value string) {
	t.Helper()
	var before, after map[string]any
	var v any
	decode(t, []byte(in), &before)
	decode(t, out, &after)
	decode(t, []byte(value), &v)
	before[name] = dropNull(v)
	if d := cmp.Diff(before, after); d != "" {
		t.Fatalf("unexpected content (-want +got):\n%s\n%s", d, out)
	}
}

// dropNull applies RFC 7396: null members of a patch are not written. Inside
// lists nothing is a patch.
func dropNull(v any) any {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			if m[k] = dropNull(x); x == nil {
				delete(m, k)
			}
		}
	}
	return v
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
}

func refused(b []byte, v daemonjson.Version) []daemonjson.Problem {
	return slices.DeleteFunc(daemonjson.Check("daemon.json", b, v), func(p daemonjson.Problem) bool {
		return p.Severity != daemonjson.Refused
	})
}

func TestEditExact(t *testing.T) {
	for _, tc := range []struct{ name, in, key, value, want string }{
		{"no file", "", "icc", "false", "{\n    \"icc\": false\n}\n"},
		{"white space", "  \n", "icc", "false", "{\n    \"icc\": false\n}\n"},
		{"null", "null\n", "icc", "false", "{\n    \"icc\": false\n}\n"},
		{"BOM only", "\ufeff", "icc", "false", "\ufeff{\n    \"icc\": false\n}\n"},
		{"empty object", "{}", "icc", "false", "{\n    \"icc\": false\n}"},
		{"open empty object", "{\n}\n", "icc", "false", "{\n    \"icc\": false\n}\n"},
		{"tabs, nested", "{\n\t\"debug\": true\n}\n", "log-opts", `{"max-size":"10m"}`, "{\n\t\"debug\": true,\n\t\"log-opts\": {\n\t\t\"max-size\": \"10m\"\n\t}\n}\n"},
		{"CRLF", "{\r\n  \"debug\": true\r\n}\r\n", "log-opts", `{"a":"b"}`, "{\r\n  \"debug\": true,\r\n  \"log-opts\": {\r\n    \"a\": \"b\"\r\n  }\r\n}\r\n"},
		{"one line", `{ "debug": true }`, "log-opts", `{"a":"b","c":"d"}`, `{ "debug": true, "log-opts": {"a": "b", "c": "d"} }`},
		{"tight", `{"debug":true}`, "dns", `["1.1.1.1", "9.9.9.9"]`, `{"debug":true,"dns":["1.1.1.1","9.9.9.9"]}`},
		{"whole indented", "  {\n    \"debug\": true\n  }\n", "features", `{"a":true}`, "  {\n    \"debug\": true,\n    \"features\": {\n      \"a\": true\n    }\n  }\n"},
		{"replace scalar", "{\n  \"icc\":   true, \"mtu\": 1\n}", "icc", "false", "{\n  \"icc\":   false, \"mtu\": 1\n}"},
		{"replace object by scalar", `{"icc": {"a": 1}}`, "icc", "false", `{"icc": false}`},
		{"merge keeps others", "{\n  \"log-opts\": {\n    \"tag\": \"x\"\n  }\n}\n", "log-opts", `{"max-size":"1m"}`, "{\n  \"log-opts\": {\n    \"tag\": \"x\",\n    \"max-size\": \"1m\"\n  }\n}\n"},
		{"merge one line inside", "{\n  \"log-opts\": {\"tag\": \"x\"}\n}\n", "log-opts", `{"max-size":"1m"}`, "{\n  \"log-opts\": {\"tag\": \"x\", \"max-size\": \"1m\"}\n}\n"},
		{"merge removes null", "{\n  \"log-opts\": {\n    \"tag\": \"x\",\n    \"env\": \"y\"\n  }\n}\n", "log-opts", `{"tag":null}`, "{\n  \"log-opts\": {\n    \"env\": \"y\"\n  }\n}\n"},
		{"merge into empty", "{\n  \"log-opts\": {}\n}\n", "log-opts", `{"tag":"x"}`, "{\n  \"log-opts\": {\n    \"tag\": \"x\"\n  }\n}\n"},
		{"merge two levels", "{\n  \"default-network-opts\": {\n    \"bridge\": {\n      \"a\": \"1\"\n    }\n  }\n}\n", "default-network-opts", `{"bridge":{"b":"2"},"overlay":{"c":"3"}}`, "{\n  \"default-network-opts\": {\n    \"bridge\": {\n      \"a\": \"1\",\n      \"b\": \"2\"\n    },\n    \"overlay\": {\n      \"c\": \"3\"\n    }\n  }\n}\n"},
		{"list replaced", `{"labels": ["a=1", "b=2"]}`, "labels", `["c=3"]`, `{"labels": ["c=3"]}`},
		{"same in other words", "{\"labels\": [ \"\\u0061=1\" ],\"log-opts\":{\"b\":\"2\",\"a\":\"1\"}}", "labels", `["a=1"]`, "{\"labels\": [ \"\\u0061=1\" ],\"log-opts\":{\"b\":\"2\",\"a\":\"1\"}}"},
		{"same members in other order", `{"log-opts":{"b":"2","a":"1"}}`, "log-opts", `{"a":"1","b":"2"}`, `{"log-opts":{"b":"2","a":"1"}}`},
		{"remove first", "{\n  \"icc\": true,\n  \"mtu\": 1\n}", "icc", "", "{\n  \"mtu\": 1\n}"},
		{"remove middle", "{\n  \"a\": 1,\n  \"icc\": true,\n  \"mtu\": 1\n}", "icc", "", "{\n  \"a\": 1,\n  \"mtu\": 1\n}"},
		{"remove only", "{\n  \"icc\": true\n}\n", "icc", "", "{}\n"},
		{"remove absent", "{\n  \"mtu\": 1\n}\n", "icc", "", "{\n  \"mtu\": 1\n}\n"},
		{"remove by null", `{"icc": true, "mtu": 1}`, "icc", "null", `{"mtu": 1}`},
		{"remove from no file", "", "icc", "", ""},
		{"null members are not written", "{}", "log-opts", `{"a":null,"b":"c"}`, "{\n    \"log-opts\": {\n        \"b\": \"c\"\n    }\n}"},
		{"long list breaks", "{\n  \"debug\": true\n}", "labels", `["aaaaaaaaaaaaaaaaaaaa=1","bbbbbbbbbbbbbbbbbbbbbbbb=2","cccccccccccccccccccccc=3"]`, "{\n  \"debug\": true,\n  \"labels\": [\n    \"aaaaaaaaaaaaaaaaaaaa=1\",\n    \"bbbbbbbbbbbbbbbbbbbbbbbb=2\",\n    \"cccccccccccccccccccccc=3\"\n  ]\n}"},
		{"no HTML escapes", "{}", "a<b>&c", `"<&>"`, "{\n    \"a<b>&c\": \"<&>\"\n}"},
		{"number text stays", "{}", "mtu", "1e3", "{\n    \"mtu\": 1e3\n}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var in []byte
			if tc.in != "" {
				in = []byte(tc.in)
			}
			out, err := daemonjson.Edit(in, []resource.DaemonKey{key(tc.key, tc.value)})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, string(out)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestEditManyKeysInOrder(t *testing.T) {
	in := "{\n  \"debug\": true\n}\n"
	keys := []resource.DaemonKey{key("icc", "false"), key("debug", ""), key("log-opts", `{"a":"1"}`), key("log-opts", `{"b":"2"}`)}
	out, err := daemonjson.Edit([]byte(in), keys)
	want := "{\n  \"icc\": false,\n  \"log-opts\": {\n    \"a\": \"1\",\n    \"b\": \"2\"\n  }\n}\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, cmp.Diff(want, string(out)))
	}
}

func TestEditRefuses(t *testing.T) {
	for _, tc := range []struct{ in, value, want string }{
		{"{\n  \"a\": 1,\n}", "1", `cannot set "icc": 2:9: trailing comma`},
		{"{\n  // no\n}", "1", `cannot set "icc": 2:3: comment`},
		{`{"a": 1, "a": 2}`, "1", `cannot set "icc": 1:10: key "a" is given twice`},
		{"[]", "1", `cannot set "icc": 1:1: the top level is not an object`},
		{"{", "1", `cannot set "icc": 1:2: invalid JSON: unexpected end of JSON input`},
		{"{}", "tru", `cannot set "icc": the value is not JSON: invalid JSON: invalid character ' ' in literal true (expecting 'e')`},
		{"{}", strings.Repeat("[", 65) + strings.Repeat("]", 65), `cannot set "icc": the value is nested more than 64 levels deep`},
		{"{}", " ", `cannot set "icc": the value is empty`},
		{"{}", `{"a":1,"a":2}`, `cannot set "icc": the value is not JSON: key "a" is given twice`},
	} {
		_, err := daemonjson.Edit([]byte(tc.in), []resource.DaemonKey{key("icc", tc.value)})
		if err == nil || err.Error() != tc.want {
			t.Errorf("%q: got %v, want %s", tc.in, err, tc.want)
		}
	}
}

package daemonjson_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func BenchmarkDiffConverged(b *testing.B) {
	s := snapshot("{\n  \"icc\": true,\n  \"live-restore\": false,\n  \"group\": \"docker\",\n  \"log-opts\": {\"max-size\": \"10m\"}\n}\n", v29)
	want := []resource.DaemonKey{key("icc", "true"), key("live-restore", "false"), key("group", `"docker"`), key("log-opts", `{"max-size":"10m"}`)}
	for b.Loop() {
		daemonjson.Kind{}.Diff(want, s)
	}
}

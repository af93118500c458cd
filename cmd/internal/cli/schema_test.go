package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulwark-project/bulwark/cmd/internal/cli"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var update = flag.Bool("update", false, "write docs/schema")

const schemaDir = "../../../docs/schema"

// history is what history and history show print.
type history struct {
	Format       int                `json:"format"`
	Transactions []remediate.Record `json:"transactions,omitempty"` // of bulwark history
	Transaction  *remediate.Record  `json:"transaction,omitempty"`  // of bulwark history show
}

// documents are the JSON documents that bulwark writes.
func documents() map[string]reflect.Type {
	return map[string]reflect.Type{
		"plan":       reflect.TypeFor[resource.Plan](),
		"result":     reflect.TypeFor[remediate.ApplyResult](),
		"confirm":    reflect.TypeFor[remediate.ConfirmResult](),
		"recover":    reflect.TypeFor[remediate.RecoverResult](),
		"snapshot":   reflect.TypeFor[resource.Snapshot](),
		"history":    reflect.TypeFor[history](),
		"egress":     reflect.TypeFor[remediate.Egress](),
		"seccomp":    reflect.TypeFor[remediate.SeccompReport](),
		"saved-plan": reflect.TypeFor[remediate.SavedPlan](),
		"proof":      reflect.TypeFor[resource.Proof](),
		"probes":     reflect.TypeFor[cli.ProbeList](),
		"report":     reflect.TypeFor[resource.Report](),
		"controls":   reflect.TypeFor[cli.ControlList](),
		"error":      reflect.TypeFor[cli.Failure](),
	}
}

// The published schemas are those of the Go types: no field without a schema,
// no schema without a field.
func TestSchemasAreTrue(t *testing.T) {
	comments := readComments(t, "../../../remediate", "../../../remediate/resource", "../../../remediate/internal/seccomp", "../../../plans", ".")
	for name, of := range documents() {
		got := generate(t, "bulwark "+name, of, comments)
		file := filepath.Join(schemaDir, name+".schema.json")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-published +types; go test -update writes it):\n%s", file, diff)
		}
	}
}

// A value with every field set validates, and one with a field more does not.
func TestSchemasTakeEveryField(t *testing.T) {
	for name, of := range documents() {
		v := reflect.New(of)
		fill(v.Elem())
		b, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, name, b); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
		if err := validate(t, name, bytes.Replace(b, []byte("{"), []byte(`{"colour":1,`), 1)); err == nil {
			t.Errorf("%s: a field that nobody knows passes", name)
		}
		if err := validate(t, name, bytes.Replace(b, []byte(`"format":`), []byte(`"formt":`), 1)); err == nil && bytes.Contains(b, []byte(`"format":`)) {
			t.Errorf("%s: a document without a version passes", name)
		}
	}
}

// fill sets every field to something that is not its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(long))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		fillPlain(v)
	}
}

func fillPlain(v reflect.Value) {
	if values := enum(v.Type()); values != nil && v.Kind() == reflect.String {
		v.Set(reflect.ValueOf(values[0]))
		return
	}
	switch {
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	}
}

func validate(t *testing.T, name string, document []byte) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	s, err := c.Compile(filepath.Join(schemaDir, name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// What the commands really print validates.
func TestOutputsValidate(t *testing.T) {
	root := image(t)
	saved := filepath.Join(t.TempDir(), "plan.json")
	prints := func(schema string, code int, args ...string) {
		t.Helper()
		var out, errw bytes.Buffer
		args = append(args, "--json", "--root", root)
		if got := cli.Main(t.Context(), "dev", args, strings.NewReader(""), &out, &errw); got != code {
			t.Fatalf("%v: exit code %d, want %d: %s", args, got, code, errw.String())
		}
		if err := validate(t, schema, out.Bytes()); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out.String())
		}
	}
	prints("plan", 0, "plan", "--policy", "strict", "--out", saved)
	prints("snapshot", 0, "snapshot")
	prints("history", 0, "history")
	prints("error", 1, "egress", "load")
	prints("error", 1, "plan", "--policy", "nothing-like-it")
	prints("error", 1, "apply")
	b, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, "saved-plan", b); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	prints("recover", 0, "recover")
	prints("result", 0, "apply", "--yes", "--policy", "baseline")
	prints("result", 0, "apply", "--yes", "--policy", "baseline")
	prints("history", 0, "history")
	entries, err := os.ReadDir(filepath.Join(root, remediate.StateDir, "txn"))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	prints("history", 0, "history", "show", entries[0].Name())
	prints("result", 0, "rollback", "--yes")
}

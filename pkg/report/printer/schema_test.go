package printer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

const schemaFile = "../../../docs/report.schema.json"

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatalf("compile %s: %v", schemaFile, err)
	}
	return s
}

func TestOutputFollowsSchema(t *testing.T) {
	s := schema(t)
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			validate(t, s, show(t, "json", r, printer.Options{}))
		})
	}
	t.Run("every field filled", func(t *testing.T) {
		r := report.New(sample())
		fill(reflect.ValueOf(r).Elem())
		r.APIVersion, r.Kind = report.APIVersion, report.Kind
		r.Metadata.StartedAt = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
		r.Vantage.Kind, r.Vantage.Rung = facts.VantagePod, report.RungProbe
		r.Summary.Status, r.Summary.ExitCode = report.Problems, report.ExitProblems
		r.Notices[0].Kind = report.Note
		r.Changes.Baseline.StartedAt, r.Changes.Baseline.Status = r.Metadata.StartedAt, report.Healthy
		r.Changes.Causes[0].Kind, r.Changes.Checks[0].Kind = report.ChangeGone, report.ChangeBroken
		for _, list := range [][]diagnose.Finding{r.Verdict.Causes, r.Verdict.Candidates} {
			list[0].Path.Hops[0].Kind, list[0].Path.Hops[0].Status = diagnose.HopVeth, diagnose.HopBroken
			list[0].Path.Links[0].Kind, list[0].Path.Links[0].Status = diagnose.LinkTunnel, diagnose.HopOK
		}
		r.Results[0].Kernel.Routes[0].Family = "ipv6"
		r.Results[0].Kernel.Rules[0].Family = "ipv6"
		r.Results[0].Kernel.Forwards[0].Route.Family = "ipv6"
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, s, string(text))
	})
	t.Run("an unknown field is refused", func(t *testing.T) {
		text := strings.Replace(render(t, "json", sample(), printer.Options{}), `"kind": "Report"`, `"kind": "Report", "more": 1`, 1)
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Error("the schema lets an unknown field through")
		}
	})
}

func validate(t *testing.T, s *jsonschema.Schema, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewBufferString(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v", err)
	}
}

// fill gives every field of v a value, so that omitempty hides none.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	case reflect.Uint32:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

// TestSchemaHasNothingElse walks the schema and the Go types together: a property
// that no report can have is as wrong as a field that the schema does not know.
func TestSchemaHasNothingElse(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	defs := root["$defs"].(map[string]any)
	resolve := func(s map[string]any) map[string]any {
		if ref, ok := s["$ref"].(string); ok {
			return defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		return s
	}
	var walk func(path string, s map[string]any, typ reflect.Type)
	walk = func(path string, s map[string]any, typ reflect.Type) {
		s = resolve(s)
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() == reflect.Slice && s["items"] != nil {
			walk(path+"[]", s["items"].(map[string]any), typ.Elem())
			return
		}
		props, ok := s["properties"].(map[string]any)
		if !ok {
			return
		}
		fields := jsonFields(typ)
		want := make([]string, 0, len(props))
		for name := range props {
			want = append(want, name)
		}
		got := make([]string, 0, len(fields))
		for name := range fields {
			got = append(got, name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: schema and Go type %s differ (-schema +go):\n%s", path, typ, diff)
		}
		for name, p := range props {
			if f, ok := fields[name]; ok {
				walk(path+"."+name, p.(map[string]any), f)
			}
		}
	}
	walk("report", root, reflect.TypeFor[report.Report]())
}

// jsonFields are the JSON names of a struct's fields, embedded ones included.
func jsonFields(typ reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		switch {
		case f.Anonymous && name == "":
			for n, t := range jsonFields(f.Type) {
				fields[n] = t
			}
		case name != "":
			fields[name] = f.Type
		}
	}
	return fields
}

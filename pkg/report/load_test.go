package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

const goldens = "printer/testdata"

func show(t *testing.T, format string, r *report.Report) string {
	t.Helper()
	p, err := printer.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.Print(&out, r, printer.Options{Width: 80}); err != nil {
		t.Fatalf("print as %s: %v", format, err)
	}
	return out.String()
}

// TestLoadPrintsAsTheRunDid: of every golden report, what was saved as JSON and as YAML
// prints, in every format, what the run itself printed.
func TestLoadPrintsAsTheRunDid(t *testing.T) {
	twwidth.SetEastAsian(false)
	saved, err := filepath.Glob(filepath.Join(goldens, "*.json"))
	if err != nil || len(saved) < 8 {
		t.Fatalf("%d golden reports, %v", len(saved), err)
	}
	for _, path := range saved {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, ext := range []string{".json", ".yaml"} {
			f, err := os.Open(filepath.Join(goldens, name+ext))
			if err != nil {
				t.Fatal(err)
			}
			r, err := report.Load(f)
			f.Close()
			if err != nil {
				t.Errorf("%s%s: %v", name, ext, err)
				continue
			}
			for _, p := range printer.List() {
				want, err := os.ReadFile(filepath.Join(goldens, name+"."+p.Name))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), show(t, p.Name, r)); diff != "" {
					t.Errorf("%s%s as %s (-run +loaded):\n%s", name, ext, p.Name, diff)
				}
			}
		}
	}
}

// golden is a saved report, changed.
func golden(t testing.TB, changes ...func(map[string]any)) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldens, "walked.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(doc)
	}
	text, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func set(value any, path ...string) func(map[string]any) {
	return func(doc map[string]any) {
		for _, name := range path[:len(path)-1] {
			doc = doc[name].(map[string]any)
		}
		doc[path[len(path)-1]] = value
	}
}

func TestLoadRefuses(t *testing.T) {
	long := strings.Repeat("[],", 1<<17)
	tests := map[string]struct{ text, says string }{
		"nothing":             {" \n", "not a netlook report: it is empty; save one with: kubectl netlook pod NAME -o json > FILE"},
		"a table":             {"pod/shop/web on node w1\n✓ healthy: 9 checks passed\n", "not a netlook report: neither JSON nor YAML; save one"},
		"a page":              {"<html>", "it is XML or HTML"},
		"PowerShell":          {"\xff\xfe{\x00", "Out-File -Encoding utf8"},
		"half a document":     {golden(t)[:2000], "not a netlook report: line 1: unexpected end of JSON input"},
		"two documents":       {golden(t) + golden(t), "invalid character '{' after top-level value"},
		"another object":      {`{"apiVersion":"v1","kind":"Pod"}`, `not a netlook report: apiVersion "v1", kind "Pod"; save one`},
		"another, as YAML":    {"apiVersion: v1\nkind: Pod\n", `apiVersion "v1", kind "Pod"`},
		"a list":              {"[]", "neither JSON nor YAML"},
		"any object":          {"{}", "it has no apiVersion and no kind"},
		"a kind of two words": {`{"kind":{"a":1}}`, "kind cannot be a JSON object"},
		"a newer version":     {golden(t, set("netlook.dev/v2", "apiVersion")), "the report has apiVersion netlook.dev/v2 and was written by netlook v0.1.0; this one reads netlook.dev/v1alpha1: use a newer netlook"},
		"a newer one, changed": {golden(t, set("netlook.dev/v2", "apiVersion"), set("x", "metadata", "tool")),
			"the report has apiVersion netlook.dev/v2"},
		"too deep":             {strings.Repeat(`{"a":`, 40), "nested more than 32 deep"},
		"a long list":          {`{"results":[` + long, "its lists are longer than those of any report"},
		"many lists":           {`{"a":[` + strings.Repeat(`[`+strings.Repeat("0,", 1<<16)+`0],`, 17), "its lists are longer than those of any report"},
		"a field of a kind":    {golden(t, set("many", "results")), "or a damaged one: results cannot be a JSON string"},
		"a time of years":      {golden(t, set(1e15, "metadata", "durationMs")), "out of range"},
		"no status":            {golden(t, set("splendid", "summary", "status")), `a damaged report: summary.status "splendid"`},
		"another exit":         {golden(t, set(0, "summary", "exitCode")), `summary.status "problems" with exitCode 0`},
		"healthy it is not":    {golden(t, set("healthy", "summary", "status"), set(0, "summary", "exitCode")), "the summary says healthy, and the results do not"},
		"results left out":     {golden(t, set([]any{}, "results")), "summary.counts are not those of the results"},
		"a place":              {golden(t, set("moon", "vantage", "kind")), `vantage.kind is "moon"`},
		"a rung":               {golden(t, set("", "vantage", "rung")), `vantage.rung is ""`},
		"no target":            {golden(t, set("", "metadata", "target")), "what was looked at"},
		"no date":              {golden(t, set("0001-01-01T00:00:00Z", "metadata", "startedAt")), "when it was made"},
		"a far date":           {golden(t, set("9999-12-31T23:59:59-12:00", "metadata", "startedAt")), "when it was made"},
		"a notice":             {golden(t, set([]any{map[string]any{"kind": "gossip", "message": "x"}}, "notices")), `notices.kind is "gossip"`},
		"a cause":              {golden(t, set([]any{map[string]any{"headline": "all is lost"}}, "verdict", "causes")), `a cause without code or confidence: "all is lost"`},
		"a path without links": {golden(t, alike(2, 1, 0)), `the path of "NL-X" has 2 hops and 0 links`},
		"a path of links":      {golden(t, alike(2, 1, 9)), `the path of "NL-X" has 2 hops and 9 links`},
		"an endless path":      {golden(t, alike(65, 64)), `the path of "NL-X" has 65 hops and 64 links`},
		"a row":                {golden(t, set([]any{map[string]any{"title": "x", "counts": map[string]any{"total": -1}}}, "rows")), `the counts of row "x" are impossible`},
		"laughs": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", "not a netlook report"},
		"a large YAML": {"a: " + strings.Repeat("x", 9<<20), "larger than YAML is read"},
		"a large file": {"{" + strings.Repeat(" ", 65<<20), "larger than 64 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := report.Load(strings.NewReader(tt.text))
			if err == nil {
				t.Fatalf("it was taken: %+v", r.Metadata)
			}
			if text := err.Error(); !strings.Contains(text, tt.says) || strings.Contains(text, "\n") || len(text) > 300 {
				t.Errorf("says %q\nwant %q", text, tt.says)
			}
		})
	}
	if _, err := report.Load(strings.NewReader("{}")); !errors.Is(err, report.ErrNoReport) {
		t.Errorf("no ErrNoReport: %v", err)
	}
}

// TestLoadTakes: what a later build may add, and what editors do to a file.
func TestLoadTakes(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown field": golden(t, set("news", "later"), set([]any{1}, "summary", "more")),
		"a BOM":            "\xef\xbb\xbf" + golden(t) + "\r\n",
	} {
		if r, err := report.Load(strings.NewReader(text)); err != nil || r.Summary.ExitCode != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// clean reports the first rune of out that must not reach a terminal. Documents may hold
// format characters, which are data there; control characters nobody may.
func clean(format, out string) error {
	document := format == "yaml"
	for i, r := range out {
		if r != '\n' && (unicode.IsControl(r) || !document && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			return fmt.Errorf("%U reaches the terminal as %s: %.60q", r, format, out[max(0, i-20):])
		}
	}
	return nil
}

// TestLoadedZoneIsEscaped: an address may carry any text as its zone (RFC 4007).
func TestLoadedZoneIsEscaped(t *testing.T) {
	r, err := report.Load(strings.NewReader(golden(t, set([]any{"fe80::1%\x1b[2J\u009b31m\u202e"}, "vantage", "ips"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range printer.List() {
		if err := clean(p.Name, show(t, p.Name, r)); err != nil {
			t.Error(err)
		}
	}
}

// FuzzLoad: Load never panics, and what it takes prints in every format without a control
// character, compares with itself without a change, and loads again as it was printed.
func FuzzLoad(f *testing.F) {
	for _, ext := range []string{"json", "yaml"} {
		paths, err := filepath.Glob(filepath.Join(goldens, "*."+ext))
		if err != nil || len(paths) < 8 {
			f.Fatalf("%d seeds, %v", len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte(golden(f, set([]any{"fe80::1%\x1b[2J\u009b31m\u202e"}, "vantage", "ips"), set("\u009b31m\x7f\U000e0001", "metadata", "context"))))
	f.Add([]byte(golden(f, alike(2, 1, 1))))
	f.Add([]byte(golden(f, alike(2, 0, 1))))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := report.Load(bytes.NewReader(text)); err == nil {
			fit(t, r, crc32.ChecksumIEEE(text))
		}
	})
}

// FuzzLoadField is FuzzLoad with one field of a good report replaced, by a text or by any
// JSON: bytes at random seldom leave a document that loads.
func FuzzLoadField(f *testing.F) {
	for i, value := range []string{"", "\x1b[2J\u009b31m\u202e", "-1", "null", "{}", "[]", "1e300", `"fail"`, `[{}]`, "service/", "`|<b>@x", "9999-12-31T23:59:59-12:00"} {
		f.Add(uint16(i*37), value, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, which uint16, value string, text bool) {
		fields := 0
		golden(t, func(doc map[string]any) { replace(doc, &fields, -1, nil) }) // counts them
		var put any = value
		if !text && json.Unmarshal([]byte(value), &put) != nil {
			return
		}
		at := int(which) % fields
		fields = 0
		doc := golden(t, func(doc map[string]any) { replace(doc, &fields, at, put) })
		if r, err := report.Load(strings.NewReader(doc)); err == nil {
			fit(t, r, crc32.ChecksumIEEE([]byte(doc)))
		}
	})
}

// replace puts a value in the place of the field of that number, and counts the fields.
func replace(v any, count *int, at int, put any) {
	visit := func(child any, set func(any)) {
		if *count++; *count-1 == at {
			set(put)
			return
		}
		replace(child, count, at, put)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			visit(v[name], func(put any) { v[name] = put })
		}
	case []any:
		for i := range v {
			visit(v[i], func(put any) { v[i] = put })
		}
	}
}

// alike puts candidates in the verdict that lead by as many hops, each with so many links.
func alike(hops int, links ...int) func(map[string]any) {
	list := func(n int) []any { return slices.Repeat([]any{map[string]any{"kind": "x", "status": "suspect"}}, n) }
	var candidates []any
	for _, n := range links {
		path := map[string]any{"hops": list(hops), "links": list(n)}
		candidates = append(candidates, map[string]any{"code": "NL-X", "headline": "x", "confidence": "possible", "path": path})
	}
	return set(candidates, "verdict", "candidates")
}

// fit asserts what must hold of every report that Load takes. It prints it in one format,
// with or without changes, as pick says: all of them at once would be a few executions a
// second. TestLoadPrintsAsTheRunDid has every golden in every format.
func fit(t *testing.T, r *report.Report, pick uint32) {
	t.Helper()
	changes := report.Compare(r, r)
	if len(changes.Causes)+len(changes.Checks) > 0 {
		t.Errorf("differs from itself: %+v", changes)
	}
	if pick%2 == 0 {
		r.Changes = &changes
	}
	printers := printer.List()
	p := printers[int(pick/2)%len(printers)]
	out := show(t, p.Name, r)
	if err := clean(p.Name, out); err != nil {
		t.Error(err)
	}
	if p.Name != "json" && p.Name != "yaml" {
		return
	}
	again, err := report.Load(strings.NewReader(out))
	if err != nil {
		t.Fatalf("what was printed as %s does not load: %v", p.Name, err)
	}
	if diff := cmp.Diff(show(t, "table", r), show(t, "table", again)); diff != "" {
		t.Errorf("printed as %s and loaded, it differs:\n%s", p.Name, diff)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const stream = `{"config":{}}
{"osv":{"id":"GO-1","summary":"one"}}
{"osv":{"id":"GO-2","summary":"two"}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[{"module":"m","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.3","trace":[{"module":"m","version":"v1.0.0","package":"m/p","function":"F"},{"module":"us"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v9.0.0","trace":[{"module":"n","version":"v1.0.0","package":"n/p"}]}}
`

func TestRead(t *testing.T) {
	list, entries, err := read(strings.NewReader(stream))
	if err != nil || entries != 2 || len(list) != 1 {
		t.Fatalf("%+v, %d entries, %v", list, entries, err)
	}
	if want := (finding{OSV: "GO-1", summary: "one", module: "m", version: "v1.0.0", fixed: "v1.2.3"}); list[0] != want {
		t.Errorf("%+v, want %+v", list[0], want)
	}
	if _, _, err := read(strings.NewReader("{")); err == nil {
		t.Error("half a message is no answer")
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		f    finding
		want string
	}{
		{finding{module: "m", fixed: "v1.2.3"}, unborne},
		{finding{module: "m"}, unborne},
		{finding{module: "stdlib", fixed: "v1.26.9"}, mended},
		{finding{module: "stdlib", fixed: "v1.26.10"}, mended},
		{finding{module: "stdlib", fixed: "v1.26.11"}, unborne},
		{finding{module: "stdlib"}, unborne},
	} {
		if got, _ := judge(tt.f, "v1.26.10"); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.f, got, tt.want)
		}
	}
}

func TestToolchain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "go.mod")
	for text, want := range map[string]string{
		"module m\n\ngo 1.26.0\n":                        "v1.26.0",
		"module m\n\ngo 1.26.0\n\ntoolchain go1.26.10\n": "v1.26.10",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := toolchain(path); got != want || err != nil {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
}

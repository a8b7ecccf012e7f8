package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFindsTargets: a target is found by itself, and the parsers that read what strangers
// write each have one.
func TestFindsTargets(t *testing.T) {
	list, err := find([]string{"../../pkg/..."}, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, target := range list {
		found[filepath.Base(target.Package)+"."+target.Name] = true
	}
	for _, want := range []string{
		"wire.FuzzReader", "wire.FuzzAssembler", "wire.FuzzAhead", "target.FuzzParse", "policy.FuzzEvaluate",
		"dial.FuzzDNS", "dial.FuzzH2", "netsys.FuzzCounters", "netsys.FuzzFlow", "checks.FuzzCorefile", "report.FuzzLoad",
	} {
		if !found[want] {
			t.Errorf("%s is not among %v", want, found)
		}
	}
}

func TestFuzzersOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x_test.go")
	source := "package x\nimport \"testing\"\nfunc FuzzOne(f *testing.F) {}\nfunc FuzzHelper(data []byte) {}\nfunc TestTwo(t *testing.T) {}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := fuzzers(file)
	if err != nil || strings.Join(names, " ") != "FuzzOne" {
		t.Errorf("%v, %v", names, err)
	}
}

func TestReadsTheNumbers(t *testing.T) {
	o := read(bytes.NewBufferString(`fuzz: elapsed: 0s, gathering baseline coverage: 0/4 completed
fuzz: elapsed: 3s, execs: 325017 (108336/sec), new interesting: 11 (total: 202)
fuzz: elapsed: 5s, execs: 400000 (100000/sec), new interesting: 13 (total: 204)
--- FAIL: FuzzX (5.01s)
    Failing input written to testdata/fuzz/FuzzX/a48
    To re-run:
    go test -run=FuzzX/a48
`))
	if o.executions != 400000 || o.interesting != 13 || o.told != "FAILED: testdata/fuzz/FuzzX/a48" {
		t.Errorf("%+v", o)
	}
}

// TestLateEnd: the end of the time is no failure of a target; a failing input at that
// time is, and so is any other word.
func TestLateEnd(t *testing.T) {
	const began, ended = "fuzz: elapsed: 7s, execs: 9 (1/sec), new interesting: 1 (total: 2)\n--- FAIL: FuzzX (7.09s)\n", "FAIL\nexit status 1\n"
	for text, want := range map[string]bool{
		"    context deadline exceeded\n":                                              true,
		"    fuzzing process hung or terminated unexpectedly: exit status 2\n":         false,
		"    x_test.go:9: context deadline exceeded\n":                                 false,
		"    context deadline exceeded\n    Failing input written to testdata/f/a48\n": false,
	} {
		if got := read(bytes.NewBufferString(began + text + ended)).lateEnd; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestKeepIsBounded(t *testing.T) {
	cache, dir := t.TempDir(), t.TempDir()
	target := target{Package: "p", Dir: dir, Name: "FuzzX"}
	from := filepath.Join(cache, "fuzz", "p", "FuzzX")
	if err := os.MkdirAll(from, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * keepMost {
		if err := os.WriteFile(filepath.Join(from, strings.Repeat("a", i+1)), bytes.Repeat([]byte("x"), i*40), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := keep(target, cache); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadDir(target.corpus())
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) == 0 || len(kept) > keepMost {
			t.Errorf("%d inputs", len(kept))
		}
		for _, entry := range kept {
			if info, err := entry.Info(); err != nil || info.Size() > keepSize {
				t.Errorf("%s: %v", entry.Name(), err)
			}
		}
	}
}

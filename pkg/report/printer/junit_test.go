package printer_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// TestJUnit: the document is well-formed XML whatever a report holds, and its counts are
// those of its cases.
func TestJUnit(t *testing.T) {
	for name, r := range reports() {
		out := show(t, "junit", r, printer.Options{})
		var suites struct {
			Suite struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Errors   int `xml:"errors,attr"`
				Skipped  int `xml:"skipped,attr"`
				Cases    []struct {
					Failure *struct{} `xml:"failure"`
					Error   *struct{} `xml:"error"`
					Skipped *struct{} `xml:"skipped"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(out), &suites); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		decoder := xml.NewDecoder(strings.NewReader(out))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got := [4]int{len(suites.Suite.Cases)}
		for _, c := range suites.Suite.Cases {
			for i, there := range []bool{c.Failure != nil, c.Error != nil, c.Skipped != nil} {
				if there {
					got[i+1]++
				}
			}
		}
		s := suites.Suite
		if want := [4]int{s.Tests, s.Failures, s.Errors, s.Skipped}; got != want || got[0] != len(r.Results) {
			t.Errorf("%s: cases %v, attributes %v", name, got, want)
		}
	}
}

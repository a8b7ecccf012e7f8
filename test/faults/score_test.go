package faults

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func causes(list ...string) []Cause {
	var made []Cause
	for _, code := range list {
		made = append(made, Cause{Code: code})
	}
	return made
}

func TestGrade(t *testing.T) {
	fault := Fault{Inject: "true", Shallow: Expect{Candidates: []string{"NL-A-TRUE"}}, Deep: Expect{Causes: []string{"NL-A-TRUE"}}, Allow: []string{"NL-A-ALSO"}}
	failure := []json.RawMessage{[]byte(`{}`)}
	tests := []struct {
		name    string
		fault   Fault
		verdict Verdict
		status  int
		want    Outcome
		false   []string
	}{
		{"right", fault, Verdict{Causes: causes("NL-A-TRUE")}, 1, Right, nil},
		{"right, and more that is so", fault, Verdict{Causes: causes("NL-A-TRUE", "NL-A-ALSO")}, 1, Right, nil},
		{"right, and more that is not", fault, Verdict{Causes: causes("NL-A-TRUE", "NL-A-LIE")}, 1, Right, []string{"NL-A-LIE"}},
		{"right, but later", fault, Verdict{Causes: causes("NL-A-LIE", "NL-A-TRUE")}, 1, Symptom, []string{"NL-A-LIE"}},
		{"a symptom", fault, Verdict{Causes: causes("NL-A-ALSO")}, 1, Symptom, nil},
		{"wrong", fault, Verdict{Causes: causes("NL-A-LIE")}, 1, Wrong, []string{"NL-A-LIE"}},
		{"honest", fault, Verdict{Candidates: causes("NL-A-LIE", "NL-A-TRUE")}, 1, CannotTell, nil},
		{"in doubt about something else", fault, Verdict{Candidates: causes("NL-A-LIE")}, 1, Wrong, nil},
		{"unexplained", fault, Verdict{Unexplained: failure}, 1, Unexplained, nil},
		{"silent", fault, Verdict{}, 0, Silent, nil},
		{"healthy", Fault{}, Verdict{}, 0, Right, nil},
		{"healthy, but it says problem", Fault{}, Verdict{}, 1, Silent, nil},
		{"healthy, but it says why not", Fault{}, Verdict{Causes: causes("NL-A-LIE")}, 1, Wrong, []string{"NL-A-LIE"}},
		{"healthy, but it fails", Fault{}, Verdict{Unexplained: failure}, 1, Unexplained, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Grade(tt.fault, tt.fault.Shallow, []Run{{Verdict: tt.verdict, Status: tt.status, Took: time.Second}})
			if got.Outcome != tt.want || !cmp.Equal(got.False, tt.false) {
				t.Errorf("%s %v, want %s %v", got.Outcome, got.False, tt.want, tt.false)
			}
		})
	}
}

// TestGradeTakesTheWorst: of twenty runs one bad one is remembered.
func TestGradeTakesTheWorst(t *testing.T) {
	runs := []Run{{Took: time.Second}, {Took: 3 * time.Second, Verdict: Verdict{Causes: causes("NL-A-LIE")}, Status: 1}, {Took: 2 * time.Second}}
	got := Grade(Fault{}, Expect{}, runs)
	want := Score{Outcome: Wrong, Said: []string{"NL-A-LIE"}, Median: 2 * time.Second, False: []string{"NL-A-LIE"}, Runs: 3, Wrong: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSaid(t *testing.T) {
	fault := Fault{Deep: Expect{Causes: []string{"NL-A-TRUE"}}}
	list, others := said(fault, Expect{}, Verdict{Candidates: causes("NL-A-LIE", "NL-A-TRUE", "NL-A-LIE", "NL-A-TOO")})
	if !cmp.Equal(list, []string{"NL-A-TRUE"}) || others != 2 {
		t.Errorf("%v and %d others, want the right one and two", list, others)
	}
	if list, others = said(fault, Expect{}, Verdict{Candidates: causes("NL-A-LIE")}); len(list) != 1 || others != 0 {
		t.Errorf("%v and %d others, want all, as none is right", list, others)
	}
}

func TestParseReport(t *testing.T) {
	v, err := ParseReport([]byte(`{"kind":"Report","verdict":{"causes":[{"code":"NL-A-B","headline":"h"}],"unexplained":[{"id":1},"x"]},"more":1}`))
	if err != nil || len(v.Causes) != 1 || v.Causes[0].Code != "NL-A-B" || len(v.Unexplained) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := ParseReport([]byte(`{"kind":"Report"}`)); err != nil || v.Causes != nil {
		t.Errorf("without a verdict: %+v, %v", v, err)
	}
	for _, bad := range []string{"", "error: no", `{"kind":"Status"}`} {
		if _, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a report", bad)
		}
	}
}

// TestGist: a log tells why a verdict missed, whatever the report holds.
func TestGist(t *testing.T) {
	report := `{"kind":"Report","verdict":{"causes":[{"code":"NL-A-C","confidence":"likely","headline":"so","evidence":["seen\u001b[2J"]}],"unexplained":["pod/a/b x 1.2.3.4"]},
		"results":[{"vantage":"pod/a/b","check":"path.loss","target":"1.2.3.4:80","status":"fail","failure":"loss","summary":"1 of 20"},{"check":"path.mtu","status":"pass"}]}`
	got := Gist([]byte(report))
	for _, want := range []string{"likely NL-A-C: so", "unexplained: pod/a/b x 1.2.3.4", "path.loss 1.2.3.4:80 fail loss: 1 of 20"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "path.mtu") || strings.Contains(got, "\x1b") || Gist([]byte("no")) != "" {
		t.Errorf("a pass, a raw escape or a report out of nothing in\n%s", got)
	}
}

func TestTable(t *testing.T) {
	rows := []Row{
		{Fault: Fault{Name: "01-healthy", Title: "nothing"}, Shallow: Score{Outcome: Right, Runs: 20, Median: time.Second}, Deep: Score{Outcome: Right, Runs: 1, Median: 2 * time.Second},
			First: &Row{Fault: Fault{Name: "01-healthy"}, Shallow: Score{Outcome: Right}, Deep: Score{Outcome: Unexplained}}},
		{Fault: Fault{Name: "02-broken", Title: "all", Inject: "x", Deep: Expect{Causes: []string{"NL-A-B"}}},
			Shallow: Score{Outcome: CannotTell, Said: []string{"NL-A-B"}, Others: 9, Runs: 1, Median: time.Second},
			Deep:    Score{Outcome: Wrong, Said: []string{"NL-A-C"}, False: []string{"NL-A-C"}, Runs: 1, Median: 9 * time.Second}},
	}
	if rows[0].missed() || !rows[1].missed() || (Row{Shallow: Score{Outcome: CannotTell}}).missed() || !(Row{Deep: Score{Outcome: CannotTell}}).missed() {
		t.Error("which rows miss the bar")
	}
	var doc, text bytes.Buffer
	Markdown(&doc, rows, time.Minute)
	for _, want := range []string{
		"| 1: nothing | nothing | right first (20 of 20) | - | 1.0 s | 0 | right first | - | 2.0 s | 0 |",
		"| 2: all | NL-A-B | cannot tell | NL-A-B or 9 others | 1.0 s | 0 | wrong | NL-A-C | 9.0 s | 1 |",
		`on 2 of 2; median 1.0 s. With ` + "`--deep`" + `: right first on 1 of 2; median 9.0 s. False causes: 1.`,
		"Played twice, since the first run missed: 01-healthy (shallow right first, deep unexplained).",
	} {
		if !strings.Contains(doc.String(), want) {
			t.Errorf("no %q in\n%s", want, doc.String())
		}
	}
	Print(&text, rows)
	if !strings.Contains(text.String(), "02-broken") {
		t.Errorf("the fault is not in\n%s", text.String())
	}
	got := Summarize(rows).Problems()
	if len(got) != 3 || got[2] != "02-broken (shallow cannot tell NL-A-B, deep wrong NL-A-C)" {
		t.Errorf("problems %q, want three: deep, false causes, and which fault missed", got)
	}
	if got := Summarize(rows).Late(); len(got) != 1 {
		t.Errorf("late %q, want one: the median of deep", got)
	}
	if got := Summarize(rows[:1]).Problems(); len(got) != 0 {
		t.Errorf("problems %q, want none", got)
	}
}

package diagnose

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// bad is a result that failed, by its task; its key is "v TASK".
func bad(task string) check.Result {
	return check.Result{Vantage: "v", TaskID: task, Status: check.Fail, Failure: check.Timeout}
}

// warned is one that worked badly.
func warned(task string) check.Result {
	r := bad(task)
	r.Status = check.Warn
	return r
}

func well(task string) check.Result {
	return check.Result{Vantage: "v", TaskID: task, Status: check.Pass}
}

// registry has a cause of each code that finds what is given.
func registry(found map[string][]Finding) *Registry {
	var r Registry
	for code, list := range found {
		r.Add(Cause{Code: code, Summary: "s", Signal: "s", Meaning: "m", Find: func(*Case) []Finding { return slices.Clone(list) }})
	}
	return &r
}

func TestDiagnose(t *testing.T) {
	explains := func(c Confidence, rank int, tasks ...string) Finding {
		f := Finding{Headline: "h", Confidence: c, Rank: rank}
		for _, task := range tasks {
			f.Explains = append(f.Explains, "v "+task)
		}
		return f
	}
	one := func(f ...Finding) []Finding { return f }
	tests := []struct {
		name    string
		results []check.Result
		found   map[string][]Finding
		causes  []string
		// candidates and unexplained are as the verdict has them.
		candidates, unexplained []string
	}{
		{name: "nothing at all"},
		{name: "nothing fails", results: []check.Result{well("a")}},
		{name: "nobody knows", results: []check.Result{bad("b"), bad("a"), warned("c"), well("d")}, unexplained: []string{"v a", "v b"}},
		{name: "a warning without a failure needs no cause", results: []check.Result{{Vantage: "v", TaskID: "a", Status: check.Warn}, bad("b")}, unexplained: []string{"v b"},
			found: map[string][]Finding{"NL-A": one(explains(Possible, 1, "a"))}},
		{name: "certain before likely, though it explains less", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-Z", "NL-A"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 99, "a", "b")), "NL-Z": one(explains(Certain, 1, "a"))}},
		{name: "the deeper rank before the larger count", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-Z", "NL-A"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 10, "a", "b")), "NL-Z": one(explains(Likely, 20, "b"))}},
		{name: "the larger count before the code", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-Z"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 10, "a")), "NL-Z": one(explains(Likely, 10, "a", "b"))}},
		{name: "the code, when nothing else tells", results: []check.Result{bad("a")}, causes: []string{"NL-A"},
			found: map[string][]Finding{"NL-Z": one(explains(Likely, 10, "a")), "NL-A": one(explains(Likely, 10, "a"))}},
		{name: "what another explains already is not told", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-Z"},
			found: map[string][]Finding{"NL-A": one(explains(Certain, 10, "a"), explains(Likely, 50, "b")), "NL-Z": one(explains(Certain, 60, "a", "b"))}},
		{name: "count is of what is still open", results: []check.Result{bad("a"), bad("b"), bad("c"), bad("d")}, causes: []string{"NL-Z", "NL-B"},
			found: map[string][]Finding{
				"NL-Z": one(explains(Certain, 10, "a", "b")),
				"NL-A": one(explains(Likely, 10, "a", "b", "c")), "NL-B": one(explains(Likely, 10, "c", "d")),
			}},
		{name: "two findings of one cause", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-A", "NL-A"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 10, "a"), explains(Likely, 10, "b"))}},
		{name: "candidates, deepest first, then those that explain most", results: []check.Result{bad("a"), bad("b")}, candidates: []string{"NL-C", "NL-B", "NL-A", "NL-Z"},
			found: map[string][]Finding{"NL-Z": one(explains(Possible, 1, "a")), "NL-A": one(explains(Possible, 1, "a")), "NL-B": one(explains(Possible, 1, "a", "b")), "NL-C": one(explains(Possible, 2, "b"))}},
		{name: "no candidate for what has a cause", results: []check.Result{bad("a"), bad("b")}, causes: []string{"NL-A"}, candidates: []string{"NL-C"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 1, "a")), "NL-B": one(explains(Possible, 99, "a")), "NL-C": one(explains(Possible, 1, "a", "b"))}},
		{name: "some explained, some guessed, some not", results: []check.Result{bad("a"), bad("b"), bad("c")}, causes: []string{"NL-A"}, candidates: []string{"NL-B"}, unexplained: []string{"v c"},
			found: map[string][]Finding{"NL-A": one(explains(Certain, 1, "a")), "NL-B": one(explains(Possible, 1, "b"))}},
		{name: "a warning can have a cause", results: []check.Result{warned("a")}, causes: []string{"NL-A"},
			found: map[string][]Finding{"NL-A": one(explains(Certain, 1, "a"))}},
		{name: "what explains nothing stands for itself, at the end", results: []check.Result{bad("a")}, causes: []string{"NL-B", "NL-A"},
			found: map[string][]Finding{"NL-A": one(explains(Certain, 99)), "NL-B": one(explains(Likely, 1, "a"))}},
		{name: "but not when it is only possible", results: []check.Result{well("a")},
			found: map[string][]Finding{"NL-A": one(explains(Possible, 99))}},
		{name: "keys of nobody, of passes and twice the same count for nothing", results: []check.Result{bad("a"), bad("b"), well("c")}, causes: []string{"NL-B"},
			found: map[string][]Finding{"NL-A": one(explains(Likely, 1, "a", "a", "c", "nobody")), "NL-B": one(explains(Likely, 1, "a", "b"))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := registry(tt.found).Diagnose(NewCase(&facts.Facts{}, tt.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unexplained, v.Unexplained); diff != "" {
				t.Errorf("unexplained (-want +got):\n%s", diff)
			}
			for _, f := range append(v.Causes, v.Candidates...) {
				for _, key := range f.Explains {
					if r, known := NewCase(&facts.Facts{}, tt.results).Get(key); !known || !Bad(r) {
						t.Errorf("%s explains %q, which is not bad", f.Code, key)
					}
				}
			}
			for range 10 {
				results := slices.Clone(tt.results)
				rand.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
				if diff := cmp.Diff(v, registry(tt.found).Diagnose(NewCase(&facts.Facts{}, results))); diff != "" {
					t.Errorf("it depends on the order of the results:\n%s", diff)
				}
			}
		})
	}
}

// codes are the codes of findings, in their order.
func codes(findings []Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.Code)
	}
	return list
}

// Of two findings that differ in their words only, the same one is chosen each time.
func TestDiagnoseBreaksTies(t *testing.T) {
	found := map[string][]Finding{"NL-A": {
		{Headline: "z", Confidence: Likely, Explains: []string{"v a"}}, {Headline: "h", Confidence: Likely, Explains: []string{"v a"}},
	}}
	v := registry(found).Diagnose(NewCase(&facts.Facts{}, []check.Result{bad("a")}))
	if len(v.Causes) != 1 || v.Causes[0].Headline != "h" {
		t.Errorf("%+v", v.Causes)
	}
}

func TestNewCaseKeepsItsArgument(t *testing.T) {
	results := []check.Result{bad("b"), bad("a")}
	c := NewCase(&facts.Facts{}, results)
	if results[0].TaskID != "b" || c.Results[0].TaskID != "a" {
		t.Errorf("given %q first, kept %q first", results[0].TaskID, c.Results[0].TaskID)
	}
	if diff := cmp.Diff([]string{"v a", "v b"}, c.Failed()); diff != "" {
		t.Error(diff)
	}
}

func TestConfidence(t *testing.T) {
	for c, name := range confidenceNames {
		text, err := json.Marshal(c)
		var back Confidence
		if err != nil || string(text) != `"`+name+`"` || json.Unmarshal(text, &back) != nil || back != c {
			t.Errorf("%s: %s, %v, %v back", c, text, err, back)
		}
	}
	var c Confidence
	if err := json.Unmarshal([]byte(`"sure"`), &c); err == nil {
		t.Error("an unknown confidence is taken")
	}
}

func TestRegistry(t *testing.T) {
	find := func(*Case) []Finding { return nil }
	whole := Cause{Code: "NL-B", Summary: "s", Signal: "s", Meaning: "m", Find: find}
	var r Registry
	r.Add(whole)
	first := whole
	first.Code = "NL-A"
	r.Add(first)
	if list := r.List(); len(list) != 2 || list[0].Code != "NL-A" {
		t.Errorf("%+v", list)
	}
	if c, found := r.Get("nl-b"); !found || c.Code != "NL-B" {
		t.Error("a code in small letters is not found")
	}
	for name, spoil := range map[string]func(*Cause){
		"twice": func(*Cause) {}, "code": func(c *Cause) { c.Code = "B" }, "summary": func(c *Cause) { c.Summary = "" },
		"signal": func(c *Cause) { c.Signal = "" }, "meaning": func(c *Cause) { c.Meaning = "" }, "find": func(c *Cause) { c.Find = nil },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			c := whole
			if name != "twice" {
				c.Code = "NL-C"
			}
			spoil(&c)
			r.Add(c)
		}()
	}
}

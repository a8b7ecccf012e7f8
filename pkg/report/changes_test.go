package report

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// saw is a result in short: "service/payments endpoints@10.244.1.3 fail", its subject
// the service payments, with a time in milliseconds behind.
func saw(text string) check.Result {
	name, rest, _ := strings.Cut(text, "@")
	area, title, _ := strings.Cut(name, "/")
	var target, status string
	var ms float64
	_, _ = fmt.Sscan(rest, &target, &status, &ms)
	r := check.Result{Check: area + ".x", Vantage: "pod/shop/web-1", TaskID: text, Summary: status,
		Label: check.Label{Area: area, Title: title, Target: target}, Duration: check.Duration(ms * float64(time.Millisecond))}
	if area == "service" {
		r.Subject = "service/shop/payments"
	}
	_ = r.Status.UnmarshalText([]byte(status))
	return r
}

func runOf(texts ...string) *Report {
	in := Input{Started: time.Unix(1e9, 0), Probe: &Probe{}, Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "web-1", Node: "w1"}}}
	for _, text := range texts {
		in.Results = append(in.Results, saw(text))
	}
	return New(in)
}

func TestCompareChecks(t *testing.T) {
	tests := map[string]struct {
		old, now []string
		want     []string // "kind title target before>after"
		same     int
	}{
		"nothing":              {[]string{"dns/name@a pass 1"}, []string{"dns/name@a pass 9"}, nil, 1},
		"broken":               {[]string{"dns/name@a pass"}, []string{"dns/name@a fail"}, []string{"broken name a pass>fail"}, 0},
		"broken, of several":   {[]string{"dns/name@a pass", "dns/name@b pass"}, []string{"dns/name@a pass", "dns/name@b fail"}, []string{"broken name b pass>fail"}, 1},
		"worse":                {[]string{"dns/name@a pass"}, []string{"dns/name@a warn"}, []string{"worse name a pass>warn"}, 0},
		"mended":               {[]string{"dns/name@a fail"}, []string{"dns/name@a pass"}, []string{"mended name a fail>pass"}, 0},
		"better":               {[]string{"dns/name@a fail"}, []string{"dns/name@a warn"}, []string{"better name a fail>warn"}, 0},
		"no result now":        {[]string{"dns/name@a pass"}, []string{"dns/name@a error"}, []string{"untried name a pass>error"}, 0},
		"skipped in both":      {[]string{"dns/name@a skipped"}, []string{"dns/name@a error"}, nil, 1},
		"tried now, and ok":    {[]string{"dns/name@a skipped"}, []string{"dns/name@a pass"}, []string{"new name a skipped>pass"}, 0},
		"tried now, fails":     {[]string{"dns/name@a skipped"}, []string{"dns/name@a fail"}, []string{"broken name a skipped>fail"}, 0},
		"only one":             {[]string{"dns/x@a pass"}, []string{"api/y@b fail"}, []string{"new y b unknown>fail", "gone x a pass>unknown"}, 0},
		"skipped in one":       {[]string{"dns/x@a skipped"}, nil, nil, 0},
		"slower, read locally": {[]string{"vantage/interface@a pass 14", "node/links@a pass 2", "state/x@a pass 1"}, []string{"vantage/interface@a pass 50", "node/links@a pass 90", "state/x@a pass 70"}, nil, 3},
		"slower":               {[]string{"dns/name@a pass 5"}, []string{"dns/name@a pass 26"}, []string{"slower name a pass>pass"}, 0},
		"by less than 20 ms":   {[]string{"dns/name@a pass 2"}, []string{"dns/name@a pass 21"}, nil, 1},
		"less than 3 times":    {[]string{"dns/name@a pass 50"}, []string{"dns/name@a pass 149"}, nil, 1},
		"not timed before":     {[]string{"dns/name@a pass"}, []string{"dns/name@a pass 900"}, nil, 1},
		"a rollout": {
			[]string{"service/payments endpoints@10.0.0.1:80 pass", "service/payments endpoints@10.0.0.2:80 pass"},
			[]string{"service/payments endpoints@10.0.0.8:80 pass", "service/payments endpoints@10.0.0.9:80 pass"}, nil, 2,
		},
		"a rollout that fails": {
			[]string{"service/payments endpoints@10.0.0.1:80 pass", "service/payments endpoints@10.0.0.2:80 pass"},
			[]string{"service/payments endpoints@10.0.0.8:80 pass", "service/payments endpoints@10.0.0.9:80 fail"},
			[]string{"broken payments endpoints 2 targets :80 pass>fail"}, 0,
		},
		"a rollout, and more fail": {
			[]string{"service/p@10.0.0.1:80 pass", "service/p@10.0.0.2:80 fail"}, []string{"service/p@10.0.0.8:80 fail", "service/p@10.0.0.9:80 fail"},
			[]string{"broken p 2 targets :80 fail>fail"}, 0,
		},
		"a rollout, and fewer fail": {
			[]string{"service/p@10.0.0.1:80 fail", "service/p@10.0.0.2:80 fail"}, []string{"service/p@10.0.0.8:80 pass", "service/p@10.0.0.9:80 fail"},
			[]string{"better p 2 targets :80 fail>fail"}, 0,
		},
		"scaled up":            {[]string{"service/p@a fail"}, []string{"service/p@a fail", "service/p@b pass"}, nil, 1},
		"scaled up, and fails": {[]string{"service/p@a pass"}, []string{"service/p@a pass", "service/p@b fail"}, []string{"new p b unknown>fail"}, 1},
		"scaled down":          {[]string{"service/p@a pass", "service/p@b fail"}, []string{"service/p@a pass"}, nil, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := Compare(runOf(tt.old...), runOf(tt.now...))
			var got []string
			for _, ch := range c.Checks {
				got = append(got, fmt.Sprintf("%s %s %s %s>%s", ch.Kind, ch.Title, ch.Target, ch.Before, ch.After))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if c.Same != tt.same {
				t.Errorf("%d as before, want %d", c.Same, tt.same)
			}
			if len(c.Limits) > 0 {
				for _, l := range c.Limits {
					if !strings.Contains(l, "incomplete") {
						t.Errorf("limited: %s", l)
					}
				}
			}
		})
	}
}

// TestCompareFromAnotherPod: a pod that was made anew is the same place, and the same
// service looked at from another namespace the same service.
func TestCompareFromAnotherPod(t *testing.T) {
	old, now := runOf("service/payments vip :80@10.96.0.1:80 pass", "state/pod@shop/web-1 pass"), runOf("service/shop/payments vip :80@10.96.0.1:80 fail", "state/pod@blog/web-2 pass")
	now.Vantage.Namespace, now.Vantage.Name = "blog", "web-2"
	for i := range now.Results {
		now.Results[i].Vantage = "pod/blog/web-2"
	}
	// A target is "area/title": the slash of the namespace belongs to the title.
	c := Compare(old, now)
	if len(c.Checks) != 1 || c.Checks[0].Kind != ChangeBroken || c.Checks[0].Title != "payments vip :80" || c.Checks[0].Vantage != "" || c.Same != 1 {
		t.Errorf("%+v", c)
	}
	if !slices.Contains(c.Limits, "looked from another place: pod/shop/web-1 before, pod/blog/web-2 now") {
		t.Errorf("limits: %q", c.Limits)
	}
}

func TestCompareCauses(t *testing.T) {
	finding := func(code, headline string, c diagnose.Confidence) diagnose.Finding {
		return diagnose.Finding{Code: code, Headline: headline, Confidence: c}
	}
	old, now := runOf(), runOf()
	old.Verdict.Causes = []diagnose.Finding{finding("NL-A", "1 of 4 endpoints of service shop/a never answers", diagnose.Likely), finding("NL-A", "1 of 2 endpoints of service shop/b never answers", diagnose.Likely)}
	old.Verdict.Candidates = []diagnose.Finding{finding("NL-C", "node w2 drops", diagnose.Possible)}
	now.Verdict.Causes = []diagnose.Finding{finding("NL-A", "3 of 10 endpoints of service shop/a never answers", diagnose.Certain), finding("NL-C", "node w2 drops", diagnose.Certain)}
	now.Verdict.Candidates = []diagnose.Finding{finding("NL-D", "node w1 drops", diagnose.Possible)}
	want := []CauseChange{
		{ChangeNew, "NL-D", "node w1 drops", true},
		{ChangeGone, "NL-A", "1 of 2 endpoints of service shop/b never answers", false},
	}
	if diff := cmp.Diff(want, Compare(old, now).Causes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCompareLimits(t *testing.T) {
	tests := map[string]struct {
		change func(*Report)
		says   string
	}{
		"the cluster":   {func(r *Report) { r.Metadata.Context = "prod" }, "another cluster (context): none before, prod now"},
		"the target":    {func(r *Report) { r.Metadata.Target = "service/shop/web" }, "another target: pod/shop/web-1 before, service/shop/web now"},
		"the node":      {func(r *Report) { r.Vantage.Node = "w2" }, "on another node: w1 before, w2 now"},
		"the rung":      {func(r *Report) { r.Vantage.Rung = RungAPI }, "another rung: probe before, api now"},
		"the profile":   {func(r *Report) { r.Vantage.Profile = "netraw" }, "another profile: none before, netraw now"},
		"--to":          {func(r *Report) { r.Metadata.To = []string{"svc/b", "svc/a"} }, "other targets (--to): none before, svc/a, svc/b now"},
		"--deep":        {func(r *Report) { r.Results[0].Vantage = "node/w1" }, "nodes looked into (--deep): none before, w1 now"},
		"the version":   {func(r *Report) { r.Metadata.Tool.Version = "v2" }, "another version of netlook: none before, v2 now"},
		"not a whole":   {func(r *Report) { r.Summary.Status = Incomplete }, "this run is incomplete"},
		"the other way": {func(r *Report) { r.Metadata.StartedAt = time.Unix(1, 0) }, "the baseline is the later of the two: what is new here was there first"},
	}
	for name, tt := range tests {
		now := runOf("dns/name@a pass")
		tt.change(now)
		if got := Compare(runOf("dns/name@a pass"), now).Limits; !slices.Contains(got, tt.says) || len(got) != 1 {
			t.Errorf("%s: %q, want %q", name, got, tt.says)
		}
	}
}

// TestCompareIsPure: the order in which results came in changes nothing, and neither
// report is changed.
func TestCompareIsPure(t *testing.T) {
	var old, now []string
	for i := range 12 {
		status := []string{"pass", "fail", "warn", "skipped"}
		old = append(old, fmt.Sprintf("dns/name %d@%d %s", i%3, i, status[i%4]))
		now = append(now, fmt.Sprintf("dns/name %d@%d %s", i%3, i+i%2*100, status[(i*7+1)%4]))
	}
	a, b := runOf(old...), runOf(now...)
	want := Compare(a, b)
	if len(want.Checks) < 4 {
		t.Fatalf("only %d changes to compare", len(want.Checks))
	}
	if !reflect.DeepEqual(a, runOf(old...)) || !reflect.DeepEqual(b, runOf(now...)) {
		t.Error("a report was changed")
	}
	for range 20 {
		rand.Shuffle(len(a.Results), func(i, j int) { a.Results[i], a.Results[j] = a.Results[j], a.Results[i] })
		rand.Shuffle(len(b.Results), func(i, j int) { b.Results[i], b.Results[j] = b.Results[j], b.Results[i] })
		if diff := cmp.Diff(want, Compare(a, b)); diff != "" {
			t.Fatalf("another order, other changes:\n%s", diff)
		}
	}
}

package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Changes is what differs between a report and an older one, its baseline.
type Changes struct {
	Baseline Baseline `json:"baseline"`
	// Limits are the differences between the two runs themselves: where there are any, what
	// changed may be the way of looking and not the network.
	Limits []string `json:"limits,omitempty"`
	// Causes are the root causes that only one of them has, Checks the checks that came
	// out otherwise; worst first.
	Causes []CauseChange `json:"causes,omitempty"`
	Checks []CheckChange `json:"checks,omitempty"`
	// Same counts the checks that came out as before.
	Same int `json:"same"`
}

// Baseline names the older report.
type Baseline struct {
	Target    string    `json:"target"`
	Vantage   string    `json:"vantage"`
	StartedAt time.Time `json:"startedAt"`
	Status    Status    `json:"status"`
	Headline  string    `json:"headline"`
}

// ChangeKind says how something changed.
type ChangeKind string

// The kinds of change, in the order in which they are told.
const (
	ChangeNew     ChangeKind = "new"     // a cause, or a check that only the later run has
	ChangeBroken  ChangeKind = "broken"  // ok before, fails now
	ChangeWorse   ChangeKind = "worse"   // ok before, a warning now
	ChangeSlower  ChangeKind = "slower"  // ok in both, and takes several times as long
	ChangeMended  ChangeKind = "mended"  // did not work well before, is ok now
	ChangeBetter  ChangeKind = "better"  // failed before, is a warning now
	ChangeUntried ChangeKind = "untried" // gave a result before, gives none now
	ChangeGone    ChangeKind = "gone"    // a cause, or a check that only the older run has
)

var changeOrder = []ChangeKind{ChangeBroken, ChangeWorse, ChangeSlower, ChangeMended, ChangeBetter, ChangeUntried, ChangeNew, ChangeGone}

// CauseChange is a root cause that only one of two reports names.
type CauseChange struct {
	Kind     ChangeKind `json:"kind"` // new or gone
	Code     string     `json:"code"`
	Headline string     `json:"headline"`
	// Candidate says that it could not be told apart from others.
	Candidate bool `json:"candidate,omitempty"`
}

// CheckChange is a check that came out otherwise than before.
type CheckChange struct {
	Kind    ChangeKind `json:"kind"`
	Check   string     `json:"check"`
	Area    string     `json:"area"`
	Title   string     `json:"title"`
	Subject string     `json:"subject,omitempty"`
	// Target is what was tried, or what its targets have in common: "4 pods :8080".
	Target string `json:"target,omitempty"`
	// Vantage is where it ran, "" for the place that the run looked from.
	Vantage string `json:"vantage,omitempty"`
	// Before and After are the statuses, unknown for the run that does not have the check;
	// the times are those of the quickest attempts, 0 where nothing was timed.
	Before     check.Status   `json:"before"`
	After      check.Status   `json:"after"`
	TimeBefore check.Duration `json:"beforeMs,omitempty"`
	TimeAfter  check.Duration `json:"afterMs,omitempty"`
	// Detail is what the later run says of it, or the older where it alone has the check.
	Detail string `json:"detail,omitempty"`
}

// What counts as notably slower. A run sends everything at once, from a process that may
// have to wait for its processor: one attempt is often 10 ms late. So the quickest of the
// attempts are held against one another.
const (
	slowerTimes = 3
	slowerBy    = check.Duration(20 * time.Millisecond)
)

// Compare says what is different in now, held against an older report. It is pure.
func Compare(old, now *Report) Changes {
	c := Changes{
		Baseline: Baseline{
			Target: old.Metadata.Target, Vantage: old.Vantage.String(), StartedAt: old.Metadata.StartedAt,
			Status: old.Summary.Status, Headline: old.Summary.Headline,
		},
		Limits: limits(old, now),
		Causes: causeChanges(old, now),
	}
	before, after := groups(old), groups(now)
	for key, was := range before {
		if is, both := after[key]; both {
			c.compare(key, was, is)
		} else {
			c.onlyOne(ChangeGone, key, was)
		}
	}
	for key, is := range after {
		if _, both := before[key]; !both {
			c.onlyOne(ChangeNew, key, is)
		}
	}
	slices.SortFunc(c.Checks, func(a, b CheckChange) int {
		return cmp.Or(
			cmp.Compare(slices.Index(changeOrder, a.Kind), slices.Index(changeOrder, b.Kind)),
			cmp.Compare(areaRank(a.Area), areaRank(b.Area)), cmp.Compare(a.Area, b.Area), cmp.Compare(a.Title, b.Title),
			cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Vantage, b.Vantage), cmp.Compare(a.Check, b.Check),
		)
	})
	return c
}

// groupKey names the same checks in two runs. It has no target, for those are addresses
// of pods, which come and go; and no task, whose ID is made of one.
type groupKey struct{ vantage, check, area, title, subject string }

// groups are the results of a report by what they are about. The place that it looked
// from is "" everywhere, or a pod that was made anew would have nothing in common with
// itself.
func groups(r *Report) map[groupKey][]Result {
	self := r.Vantage.String()
	here := func(text string) string {
		if text == self {
			return ""
		}
		return text
	}
	of := map[groupKey][]Result{}
	for _, res := range r.Results {
		key := groupKey{here(res.Vantage), res.Check, res.Area, res.Title, here(res.Subject)}
		if ref, ok := strings.CutPrefix(res.Subject, "service/"); ok && strings.HasPrefix(res.Title, ref+" ") {
			_, key.title, _ = strings.Cut(res.Title, "/") // looked at from another namespace
		}
		of[key] = append(of[key], res)
	}
	return of
}

// compare holds the results of one check against one another: by target where both runs
// have it, and the others, which are other pods of the same service, together.
func (c *Changes) compare(key groupKey, was, is []Result) {
	oldBy, nowBy := byTarget(was), byTarget(is)
	var oldRest, nowRest []Result
	for target, results := range nowBy {
		if old, both := oldBy[target]; both {
			c.pair(key, old, results)
		} else {
			nowRest = append(nowRest, results...)
		}
	}
	for target, results := range oldBy {
		if _, both := nowBy[target]; !both {
			oldRest = append(oldRest, results...)
		}
	}
	switch {
	case len(nowRest) == 0: // fewer of them, which is no news of those that are left
	case len(oldRest) == 0: // more of them, which is news where they are not well
		if row := sum(nowRest); level(row.Status) > 0 {
			c.onlyOne(ChangeNew, key, nowRest)
		}
	default:
		c.pair(key, oldRest, nowRest)
	}
}

func byTarget(results []Result) map[string][]Result {
	by := map[string][]Result{}
	for _, r := range results {
		by[r.Target] = append(by[r.Target], r)
	}
	return by
}

// pair adds a change, if the results of the same differ enough.
func (c *Changes) pair(key groupKey, was, is []Result) {
	before, after := sum(was), sum(is)
	kind := kindOfChange(before, after)
	if kind == "" {
		c.Same += len(is)
		return
	}
	ch := changeOf(kind, key, after)
	ch.Before, ch.After, ch.TimeBefore, ch.TimeAfter = before.Status, after.Status, before.Time, after.Time
	c.Checks = append(c.Checks, ch)
}

func (c *Changes) onlyOne(kind ChangeKind, key groupKey, results []Result) {
	row := sum(results)
	if row.Counts.Skipped == row.Counts.Total {
		return // it gave no result where it is either
	}
	ch := changeOf(kind, key, row)
	if kind == ChangeNew {
		ch.After, ch.TimeAfter = row.Status, row.Time
	} else {
		ch.Before, ch.TimeBefore = row.Status, row.Time
	}
	c.Checks = append(c.Checks, ch)
}

func changeOf(kind ChangeKind, key groupKey, row Row) CheckChange {
	return CheckChange{Kind: kind, Check: key.check, Area: key.area, Title: key.title, Subject: key.subject, Target: row.Target, Vantage: key.vantage, Detail: row.Detail}
}

// sum folds results as a row of the table does.
func sum(results []Result) Row {
	results = slices.Clone(results)
	slices.SortStableFunc(results, compareResults)
	row := Row{Area: results[0].Area, Title: results[0].Title, Subject: results[0].Subject}
	fold(&row, results)
	row.Time = quickest(results, row.Status)
	return row
}

// kindOfChange is "" for what is as before.
func kindOfChange(before, after Row) ChangeKind {
	was, is := level(before.Status), level(after.Status)
	switch {
	case was < 0 && is < 0:
		return ""
	case is < 0:
		return ChangeUntried
	case was < 0 && is == 2:
		return ChangeBroken
	case was < 0 && is == 1:
		return ChangeWorse
	case was < 0:
		return ChangeNew
	case is > was && is == 2, is == 2 && after.Counts.Fail > before.Counts.Fail && after.Counts.Pass < before.Counts.Pass:
		return ChangeBroken
	case is > was:
		return ChangeWorse
	case is < was && is == 0:
		return ChangeMended
	case is < was, is == 2 && after.Counts.Fail < before.Counts.Fail && after.Counts.Pass > before.Counts.Pass:
		return ChangeBetter
	case is == 0 && onTheWire(after.Area) && before.Time > 0 && after.Time >= slowerTimes*before.Time && after.Time-before.Time >= slowerBy:
		return ChangeSlower
	}
	return ""
}

// onTheWire reports whether the times of an area are the network's. Those of the others
// are how long a local read took, of a kernel or of the API.
func onTheWire(area string) bool { return area != "vantage" && area != "node" && area != "state" }

// level orders the statuses that say something: ok, warning, failure; -1 for the others.
func level(s check.Status) int {
	switch s {
	case check.Pass:
		return 0
	case check.Warn:
		return 1
	case check.Fail:
		return 2
	}
	return -1
}

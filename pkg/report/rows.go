package report

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Row folds the results of one area, title and subject into one line.
type Row struct {
	Area    string `json:"area"`
	Title   string `json:"title"`
	Subject string `json:"subject,omitempty"`
	// Target is the one target, or what its targets have in common: "4 pods :8080".
	Target string `json:"target,omitempty"`
	// Status is the worst of its results.
	Status check.Status `json:"status"`
	Counts Counts       `json:"counts"`
	// Time is the median: of the round trips that succeeded, or for a row that is
	// not ok the time after which those were given up that make it so. 0 when
	// nothing was timed.
	Time   check.Duration `json:"medianMs"`
	Detail string         `json:"detail,omitempty"`
}

func sameRow(res check.Result, row Row) bool {
	return res.Area == row.Area && res.Title == row.Title && res.Subject == row.Subject
}

// newRows folds results that are sorted by compareResults.
func newRows(results []check.Result) []Row {
	rows := []Row{}
	for start := 0; start < len(results); {
		first := results[start]
		row := Row{Area: first.Area, Title: first.Title, Subject: first.Subject}
		end := start
		for end < len(results) && sameRow(results[end], row) {
			end++
		}
		fold(&row, results[start:end])
		rows = append(rows, row)
		start = end
	}
	return rows
}

func fold(row *Row, results []check.Result) {
	row.Status = results[0].Status
	for _, res := range results {
		row.Counts.add(res.Status)
		if Worse(res.Status, row.Status) {
			row.Status = res.Status
		}
	}
	row.Target = foldTargets(results)
	row.Time = medianTime(results, row.Status)
	row.Detail = detail(results, row.Counts)
}

// Worse reports whether a outweighs b in a row. It is the order of check.Status, but
// that no result at all (unknown) is as bad as an error: it must not hide behind a pass.
func Worse(a, b check.Status) bool { return rank(a) > rank(b) }

func rank(s check.Status) check.Status {
	if s == check.Unknown {
		return check.Error
	}
	return s
}

// medianTime is the median time of the results that have the row's status.
func medianTime(results []check.Result, status check.Status) check.Duration {
	var times []check.Duration
	for _, res := range results {
		if res.Status != status || status == check.Skipped {
			continue
		}
		times = append(times, timesOf(res)...)
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// quickest is the least time of an attempt of the results that have a status, 0 where
// nothing was timed.
func quickest(results []check.Result, status check.Status) check.Duration {
	var times []check.Duration
	for _, res := range results {
		if res.Status == status && status != check.Skipped {
			times = append(times, timesOf(res)...)
		}
	}
	if len(times) == 0 {
		return 0
	}
	return slices.Min(times)
}

// MedianTime is the median time of the attempts that make a result what it is, 0
// when nothing was timed.
func MedianTime(res check.Result) check.Duration {
	return medianTime([]check.Result{res}, res.Status)
}

// timesOf are the times of the attempts that made the result what it is: those that
// failed for a failure, else those that did not.
func timesOf(res check.Result) []check.Duration {
	var times []check.Duration
	for _, a := range res.Attempts {
		if (a.Failure != "") == (res.Status == check.Fail) && a.RTT > 0 {
			times = append(times, a.RTT)
		}
	}
	if len(times) == 0 && res.Duration > 0 {
		times = append(times, res.Duration)
	}
	return times
}

// foldTargets says in a few words what the targets of a row are.
func foldTargets(results []check.Result) string {
	targets := distinct(results, func(r check.Result) string { return r.Target })
	objects := distinct(results, func(r check.Result) string { return r.Object })
	if len(targets) <= 1 {
		return strings.Join(targets, "")
	}
	if common, rests, ok := commonWord(targets); ok && len(rests) <= 3 {
		return common + " (" + strings.Join(rests, ",") + ")"
	}
	noun, n := nounOf(objects)
	if n < 2 {
		noun, n = "targets", len(targets)
		if results[0].Area == "dns" {
			noun = "queries" // a server, a protocol, a type and a name
		}
	}
	return fmt.Sprintf("%d %s%s", n, noun, commonPort(targets))
}

// distinct are the different values of field that are not "", sorted.
func distinct(results []check.Result, field func(check.Result) string) []string {
	var values []string
	for _, res := range results {
		if v := field(res); v != "" {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// commonWord splits targets that share their first word: "10.96.0.10 udp" and
// "10.96.0.10 tcp" are "10.96.0.10" and [tcp udp].
func commonWord(targets []string) (common string, rests []string, ok bool) {
	for i, t := range targets {
		word, rest, found := strings.Cut(t, " ")
		if !found || (i > 0 && word != common) {
			return "", nil, false
		}
		common, rests = word, append(rests, rest)
	}
	return common, rests, true
}

// nounOf is "pods" for objects that are all pods, with their number; 0 when there
// are none or they differ in kind.
func nounOf(objects []string) (string, int) {
	kind := ""
	for _, o := range objects {
		k, _, _ := strings.Cut(o, "/")
		if kind != "" && k != kind {
			return "", 0
		}
		kind = k
	}
	return kind + "s", len(objects)
}

// commonPort is " :8080" when every target has that port, else "".
func commonPort(targets []string) string {
	port := ""
	for i, t := range targets {
		_, p, err := net.SplitHostPort(strings.Fields(t + " ")[0])
		if err != nil || (i > 0 && p != port) || strings.Trim(p, "0123456789") != "" {
			return "" // "//host/" is no port either: that was a URL
		}
		port = p
	}
	return " :" + port
}

// detail is what a row says beyond its status.
func detail(results []check.Result, counts Counts) string {
	if len(results) == 1 {
		if results[0].Status == check.Fail {
			return Brief(results[0])
		}
		return results[0].Summary
	}
	if counts.Pass == counts.Total {
		if same, ok := sameSummary(results); ok {
			return same
		}
		return fmt.Sprintf("%d of %d ok", counts.Pass, counts.Total)
	}
	worst := slices.Clone(results)
	worst = slices.DeleteFunc(worst, func(r check.Result) bool { return r.Status == check.Pass })
	slices.SortStableFunc(worst, func(a, b check.Result) int { return int(rank(b.Status)) - int(rank(a.Status)) })
	if counts.Skipped == counts.Total {
		return worst[0].Summary
	}
	if worst[0].Status == check.Unknown {
		return fmt.Sprintf("%d of %d ok; %d gave no result", counts.Pass, counts.Total, counts.Unknown)
	}
	text := fmt.Sprintf("%d of %d ok; %s", counts.Pass, counts.Total, strings.TrimSpace(worst[0].Target+" "+Brief(worst[0])))
	if more := len(worst) - 1; more > 0 {
		text += fmt.Sprintf("; %d more", more)
	}
	return text
}

func sameSummary(results []check.Result) (string, bool) {
	for _, res := range results {
		if res.Summary != results[0].Summary {
			return "", false
		}
	}
	return results[0].Summary, true
}

// FormatTime writes a time with its unit, in two or three figures: "0.4 ms", "31 ms",
// "2.0 s"; "-" for 0, which means not timed.
func FormatTime(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	switch {
	case d <= 0:
		return "-"
	case ms < 0.05:
		return "<0.1 ms"
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

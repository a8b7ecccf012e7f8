package dial

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// maxValues is how many different values of one evidence key are listed.
const maxValues = 6

// spoken are the failures whose word says it all; of others the detail is told too.
var spoken = []check.Failure{
	check.Refused, check.Timeout, check.Reset, check.Closed, check.Silent,
	check.Unreachable, check.NoRoute, check.NXDomain, check.NoData,
}

// Summarise makes a result of tries: fail when one failed, since each lost attempt
// is one that a user loses too; warn when failures are soft only; error when nothing
// could be tried. The summary counts: "9 of 9 ok, 0.4 ms" (the median), "timeout 3 of
// 3 after 2 s", "timeout 2 of 8 after 2 s, 6 ok, 0.4 ms".
func Summarise(tries []Try) check.Result {
	reconsider(tries)
	var r check.Result
	var broken error
	counts, hard := map[check.Failure]int{}, map[check.Failure]int{}
	var ok, lost []time.Duration
	for _, t := range tries {
		if t.Err != nil {
			broken = cmp.Or(broken, t.Err)
			continue
		}
		r.Attempts = append(r.Attempts, t.Attempt)
		if t.Failure == "" {
			ok = append(ok, t.RTT.D())
			continue
		}
		counts[t.Failure]++
		if !t.Soft {
			hard[t.Failure]++
		}
		if t.Failure == check.Timeout || t.Failure == check.Silent || t.Failure == check.Undelivered {
			lost = append(lost, t.RTT.D())
		}
	}
	r.Evidence = merge(tries)
	kinds := byCount(counts)
	switch {
	case len(kinds) > 0:
		r.Status, r.Failure = check.Warn, kinds[0]
		if len(hard) > 0 {
			// One refusal tells more than any number of silences that may mean nothing.
			r.Status, r.Failure = check.Fail, byCount(hard)[0]
		}
		r.Summary = failures(kinds, counts, len(r.Attempts), ok, lost)
		if detail := detailOf(tries, r.Failure); detail != "" && !slices.Contains(spoken, r.Failure) {
			r.Summary += ": " + detail
		}
	case broken != nil && len(ok) > 0:
		r.Status, r.Summary = check.Error, fmt.Sprintf("%d of %d could not be tried: %v", len(tries)-len(ok), len(tries), broken)
	case broken != nil:
		r.Status, r.Summary = check.Error, fmt.Sprintf("could not be tried: %v", broken)
	case len(ok) == 0:
		return check.Errorf("nothing was tried")
	case len(ok) == 1:
		r.Status, r.Summary = check.Pass, "ok, "+Dur(ok[0])
	default:
		r.Status, r.Summary = check.Pass, fmt.Sprintf("%d of %d ok, %s", len(ok), len(ok), Dur(median(ok)))
	}
	if broken != nil && r.Status != check.Error {
		r.With("not tried", "%v", broken)
	}
	return r
}

// byCount sorts kinds of failure, the most frequent first.
func byCount(counts map[check.Failure]int) []check.Failure {
	kinds := make([]check.Failure, 0, len(counts))
	for kind := range counts {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b check.Failure) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(string(a), string(b)))
	})
	return kinds
}

func failures(kinds []check.Failure, counts map[check.Failure]int, total int, ok, lost []time.Duration) string {
	var b strings.Builder
	for i, kind := range kinds {
		if i > 0 {
			b.WriteString(" and ")
		}
		b.WriteString(string(kind))
		if total > 1 {
			fmt.Fprintf(&b, " %d", counts[kind])
		}
	}
	if total > 1 {
		fmt.Fprintf(&b, " of %d", total)
	}
	if len(lost) > 0 {
		fmt.Fprintf(&b, " after %s", Dur(slices.Max(lost)))
	}
	if len(ok) > 0 {
		fmt.Fprintf(&b, ", %d ok, %s", len(ok), Dur(median(ok)))
	}
	return b.String()
}

func detailOf(tries []Try, kind check.Failure) string {
	for _, t := range tries {
		if t.Failure == kind && t.Detail != "" {
			return t.Detail
		}
	}
	return ""
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// merge puts the evidence of all tries together: a key once, in the order first
// seen, with its different values counted.
func merge(tries []Try) []check.Evidence {
	type value struct {
		text  string
		count int
	}
	var keys []string
	values := map[string][]value{}
	for _, t := range tries {
		for _, e := range t.Seen {
			list, known := values[e.Key]
			if !known {
				keys = append(keys, e.Key)
			}
			if i := slices.IndexFunc(list, func(v value) bool { return v.text == e.Value }); i >= 0 {
				list[i].count++
			} else {
				list = append(list, value{e.Value, 1})
			}
			values[e.Key] = list
		}
	}
	var out []check.Evidence
	for _, key := range keys {
		list := values[key]
		repeated := slices.ContainsFunc(list, func(v value) bool { return v.count > 1 })
		texts := make([]string, 0, maxValues+1)
		for i, v := range list {
			switch {
			case i == maxValues:
				texts = append(texts, fmt.Sprintf("%d more", len(list)-maxValues))
			case i > maxValues:
			case repeated && len(list) > 1:
				texts = append(texts, fmt.Sprintf("%s (×%d)", v.text, v.count))
			default:
				texts = append(texts, v.text)
			}
		}
		out = append(out, check.Evidence{Key: key, Value: strings.Join(texts, "; ")})
	}
	return out
}

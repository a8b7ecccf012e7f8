package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Brief is a result in a few words: "timeout 3 of 3 after 2.0 s". It tells of the attempts
// what the probe's own summary tells of them, for evidence quotes that: each kind of
// failure, and the longest time that was waited in vain.
func Brief(res check.Result) string {
	lost := res.Lost()
	if res.Failure == "" || (res.Status != check.Fail && res.Status != check.Warn) || (len(res.Attempts) > 0 && lost == 0) {
		return res.Summary
	}
	if res.Vantage == check.VantageAPI && (res.Failure == check.Config || res.Failure == check.TLS) {
		return res.Summary // what is wrong with a setting is not said by its kind
	}
	if len(res.Attempts) == 0 && (res.Failure == check.NoPort || res.Failure == check.QueueFull) {
		return res.Summary // which port, which queue
	}
	if len(res.Attempts) == 0 {
		return string(res.Failure) + after(res.Failure, res.Duration)
	}
	counts := map[check.Failure]int{}
	var waited check.Duration
	for _, a := range res.Attempts {
		if a.Failure != "" {
			counts[a.Failure]++
		}
		if waits(a.Failure) {
			waited = max(waited, a.RTT)
		}
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b check.Failure) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(string(a), string(b)))
	})
	if counts[res.Failure] == 0 { // a verdict over the attempts: no single one failed like that
		return fmt.Sprintf("%s %d of %d", res.Failure, lost, len(res.Attempts)) + after(res.Failure, waited)
	}
	var words []string
	for _, kind := range kinds[:min(len(kinds), mostKinds)] {
		words = append(words, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	text := fmt.Sprintf("%s of %d", strings.Join(words, " and "), len(res.Attempts))
	return text + after(check.Timeout, waited)
}

// mostKinds is how many kinds of failure are told of one result.
const mostKinds = 3

// waits reports whether a failure is one of time: without its time it says nothing.
func waits(f check.Failure) bool {
	return f == check.Timeout || f == check.Silent || f == check.Undelivered
}

func after(f check.Failure, d check.Duration) string {
	if !waits(f) || d <= 0 {
		return ""
	}
	return " after " + FormatTime(d.D())
}

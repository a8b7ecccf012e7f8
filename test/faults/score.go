package faults

import (
	"slices"
	"time"
)

// Outcome is how a verdict is graded.
type Outcome string

// Outcomes, from the best to the worst.
const (
	Right       Outcome = "right first"  // an expected cause is named first, or nothing where nothing is broken
	CannotSee   Outcome = "cannot see"   // nothing is said, and nothing shows on this rung
	CannotTell  Outcome = "cannot tell"  // no cause, but the right one is among those that remain
	Symptom     Outcome = "symptom"      // something true is named first, the cause later or not at all
	Unexplained Outcome = "unexplained"  // no cause, but failures are shown as unexplained
	Silent      Outcome = "silent"       // nothing is said at all
	Wrong       Outcome = "wrong"        // something that is not so is named first
	NotRun      Outcome = "did not bite" // the fault was not there, or not until the end
)

var ranking = []Outcome{Right, CannotTell, CannotSee, Symptom, Unexplained, Silent, Wrong, NotRun}

// Run is one run of netlook.
type Run struct {
	Verdict Verdict
	Status  int // exit status
	Took    time.Duration
	Note    string // why there is no report, for people
}

// Score is how netlook did on one fault on one rung.
type Score struct {
	Outcome Outcome
	// Said are the codes of the run that is scored: causes, or else candidates. Of
	// candidates only the right ones, and how many Others, where there is a right one.
	Said    []string
	Others  int
	Median  time.Duration
	False   []string // codes that were named and are not so, over all runs
	Runs    int
	Wrong   int // runs that are not as good as the best
	Note    string
	Skipped bool // this rung was not asked for
}

// Grade scores runs of one fault; the worst of them counts. want is for the rung.
func Grade(f Fault, want Expect, runs []Run) Score {
	score := Score{Outcome: Right, Runs: len(runs)}
	var times []time.Duration
	for i, run := range runs {
		outcome := grade(f, want, run)
		times = append(times, run.Took)
		score.False = append(score.False, falseCauses(f, want, run.Verdict)...)
		if outcome != Right {
			score.Wrong++
		}
		if i == 0 || slices.Index(ranking, outcome) > slices.Index(ranking, score.Outcome) {
			score.Outcome, score.Note = outcome, run.Note
			score.Said, score.Others = said(f, want, run.Verdict)
		}
	}
	score.Median = median(times)
	return score
}

// said is what a verdict says, for the table.
func said(f Fault, want Expect, v Verdict) (list []string, others int) {
	if list = unique(codes(v.Causes)); len(list) > 0 {
		return list, 0
	}
	all := unique(codes(v.Candidates))
	wanted := slices.Concat(want.Causes, want.Candidates, f.Deep.Causes)
	right := slices.DeleteFunc(slices.Clone(all), func(code string) bool { return !slices.Contains(wanted, code) })
	if len(right) == 0 {
		return all, 0
	}
	return right, len(all) - len(right)
}

// unique drops repetitions and keeps the order.
func unique(list []string) []string {
	var kept []string
	for _, code := range list {
		if !slices.Contains(kept, code) {
			kept = append(kept, code)
		}
	}
	return kept
}

func grade(f Fault, want Expect, run Run) Outcome {
	v := run.Verdict
	said, remaining := codes(v.Causes), codes(v.Candidates)
	// Who knows more than is asked of this rung is right all the same.
	right := slices.Concat(want.Causes, f.Deep.Causes)
	isRight := func(code string) bool { return slices.Contains(right, code) }
	isCandidate := func(code string) bool { return isRight(code) || slices.Contains(want.Candidates, code) }
	switch {
	case f.IsHealthy() && len(said)+len(remaining)+len(v.Unexplained) == 0:
		if run.Status != 0 {
			return Silent
		}
		return Right
	case len(said) > 0 && isRight(said[0]):
		return Right
	case slices.ContainsFunc(said, isRight), len(said) > 0 && slices.Contains(f.Allow, said[0]):
		return Symptom
	case len(said) > 0:
		return Wrong
	case slices.ContainsFunc(remaining, isCandidate):
		return CannotTell
	case len(remaining) > 0:
		return Wrong
	case len(v.Unexplained) > 0:
		return Unexplained
	case want.Unseen && run.Status == 0:
		return CannotSee
	}
	return Silent
}

// falseCauses are the causes that are neither right nor allowed. What remains as a
// candidate is no claim.
func falseCauses(f Fault, want Expect, v Verdict) []string {
	known := slices.Concat(want.Causes, f.Deep.Causes, f.Allow)
	var list []string
	for _, code := range codes(v.Causes) {
		if !slices.Contains(known, code) {
			list = append(list, code)
		}
	}
	return list
}

func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

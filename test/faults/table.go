package faults

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The bar that the corpus sets: docs/design.md, sections 10 and 11.
const (
	ShallowBudget = 4 * time.Second
	DeepBudget    = 8 * time.Second
)

// Row is one fault with its scores.
type Row struct {
	Fault         Fault
	Shallow, Deep Score
	// First is what came of it before it was played once more, nil when it was not.
	First *Row
}

// missed reports whether a verdict misses the bar. A rung that was not run misses none.
func (r Row) missed() bool {
	return r.Shallow.missed(false) || r.Deep.missed(true)
}

// missed reports whether a score is below the bar of its rung.
func (s Score) missed(deep bool) bool {
	return s.Outcome != "" && s.Outcome != Right && (deep || s.Outcome != CannotTell && s.Outcome != CannotSee) || len(s.False) > 0
}

// tells is a row in short, where it missed the bar.
func (r Row) tells() string {
	rung := func(name string, s Score) string {
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", name, s.Outcome, strings.Join(s.Said, " ")))
	}
	return fmt.Sprintf("%s (%s, %s)", r.Fault.Name, rung("shallow", r.Shallow), rung("deep", r.Deep))
}

// Summary is what all rows together come to.
type Summary struct {
	Faults                     int
	ShallowGood, DeepGood      int // right first; shallow: or an honest "cannot tell", or nothing to see
	Unseen                     int // those by which nothing is to be seen without --deep
	FalseCauses                int
	ShallowMedian, DeepMedian  time.Duration
	ShallowSkipped, DeepMissed bool
	// Again are the faults that were played twice, with what the first run came to.
	Again []string
	// Missed are those whose verdict missed the bar in the end.
	Missed []string
}

// Summarize adds rows up.
func Summarize(rows []Row) Summary {
	s := Summary{Faults: len(rows)}
	var shallow, deep []time.Duration
	for _, row := range rows {
		if first := row.First; first != nil {
			s.Again = append(s.Again, first.tells())
		}
		if row.missed() {
			s.Missed = append(s.Missed, row.tells())
		}
		if slices.Contains([]Outcome{Right, CannotTell}, row.Shallow.Outcome) {
			s.ShallowGood++
		}
		if row.Shallow.Outcome == CannotSee {
			s.Unseen++
		}
		if row.Deep.Outcome == Right {
			s.DeepGood++
		}
		s.FalseCauses += len(row.Shallow.False) + len(row.Deep.False)
		if row.Shallow.Runs > 0 {
			shallow = append(shallow, row.Shallow.Median)
		}
		if row.Deep.Runs > 0 {
			deep = append(deep, row.Deep.Median)
		}
	}
	s.ShallowMedian, s.DeepMedian = median(shallow), median(deep)
	s.ShallowSkipped, s.DeepMissed = len(shallow) == 0, len(deep) == 0
	return s
}

// Problems says where the bar for verdicts is missed; none: it is met.
func (s Summary) Problems() []string {
	var list problems
	add := list.add
	add(!s.ShallowSkipped && s.ShallowGood+s.Unseen < s.Faults, "shallow: right first or an honest cannot tell on %d of %d", s.ShallowGood, s.Faults)
	add(!s.DeepMissed && s.DeepGood < s.Faults, "deep: right first on %d of %d", s.DeepGood, s.Faults)
	add(s.FalseCauses > 0, "%d false causes", s.FalseCauses)
	return append(list, s.Missed...)
}

// Late says which budgets of time are missed. That is told, and fails nothing: the
// machine may be busy with something else.
func (s Summary) Late() []string {
	var list problems
	add := list.add
	add(s.ShallowMedian > ShallowBudget, "shallow: median %s, budget %s", short(s.ShallowMedian), ShallowBudget)
	add(s.DeepMedian > DeepBudget, "deep: median %s, budget %s", short(s.DeepMedian), DeepBudget)
	return list
}

type problems []string

func (p *problems) add(bad bool, format string, args ...any) {
	if bad {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

// String gives the summary as sentences.
func (s Summary) String() string {
	var parts []string
	if !s.ShallowSkipped {
		parts = append(parts, fmt.Sprintf("Shallow: right first, or an honest \"cannot tell\", on %d of %d; median %s.", s.ShallowGood, s.Faults, short(s.ShallowMedian)))
	}
	if s.Unseen > 0 {
		parts = append(parts, fmt.Sprintf("Of the rest, which is said to be healthy, only `--deep` can see %d.", s.Unseen))
	}
	if !s.DeepMissed {
		parts = append(parts, fmt.Sprintf("With `--deep`: right first on %d of %d; median %s.", s.DeepGood, s.Faults, short(s.DeepMedian)))
	}
	parts = append(parts, fmt.Sprintf("False causes: %d.", s.FalseCauses))
	if len(s.Again) > 0 {
		parts = append(parts, fmt.Sprintf("Played twice, since the first run missed: %s.", strings.Join(s.Again, ", ")))
	}
	for _, late := range s.Late() {
		parts = append(parts, "Late: "+late+".")
	}
	return strings.Join(parts, " ")
}

// Print writes the table for a terminal.
func Print(w io.Writer, rows []Row) {
	out := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "FAULT\tEXPECTED\tSHALLOW\tSAID\tTIME\tFALSE\tDEEP\tSAID\tTIME\tFALSE")
	for _, row := range rows {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", row.Fault.Name, expected(row.Fault), cells(row.Shallow, "\t"), cells(row.Deep, "\t"))
	}
	out.Flush()
	fmt.Fprintln(w, Summarize(rows))
}

// Markdown writes docs/faults.md.
func Markdown(w io.Writer, rows []Row, took time.Duration) {
	fmt.Fprintf(w, `<!-- Written by `+"`make faults`"+`; do not edit. -->

# The fault corpus

Every fault of `+"`test/faults`"+`, injected on the test cluster, seen to bite by an independent probe, diagnosed
without and with `+"`--deep`"+`, healed, and proven healed. %s The whole took %s.

- **right first**: an expected cause is named first; on a healthy cluster: nothing is.
- **cannot tell**: no cause is named, and the right one is among those said to remain.
- **cannot see**: nothing shows the fault on this rung, and nothing is said.
- **symptom**: something true is named first, the cause later or not at all.
- **unexplained**: no cause is named; the failures are shown, and said to be unexplained.
- **silent**: nothing is said. **wrong**: something that is not so is named first.

| fault | expected | shallow | said | s | false | deep | said | s | false |
|---|---|---|---|---|---|---|---|---|---|
`, Summarize(rows), took.Round(time.Second))
	for _, row := range rows {
		fmt.Fprintf(w, "| %s: %s | %s | %s | %s |\n", number(row.Fault), row.Fault.Title, expected(row.Fault), cells(row.Shallow, " | "), cells(row.Deep, " | "))
	}
	fmt.Fprint(w, "\n## What they imitate\n\n")
	for _, row := range rows {
		fmt.Fprintf(w, "- **%s** %s (%s)\n", row.Fault.Name, row.Fault.Imitates, row.Fault.Source)
	}
}

func number(f Fault) string {
	digits, _, _ := strings.Cut(f.Name, "-")
	return strings.TrimLeft(digits, "0")
}

func expected(f Fault) string {
	if f.IsHealthy() {
		return "nothing"
	}
	return strings.Join(f.Deep.Causes, " or ")
}

// cells are the columns of one rung.
func cells(s Score, separator string) string {
	if s.Runs == 0 {
		outcome := string(s.Outcome)
		if outcome == "" {
			outcome = "-"
		}
		return strings.Join([]string{outcome, "-", "-", "-"}, separator)
	}
	outcome := string(s.Outcome)
	if s.Runs > 1 {
		outcome = fmt.Sprintf("%s (%d of %d)", outcome, max(s.Wrong, s.Runs*boolInt(s.Wrong == 0)), s.Runs)
	}
	said := strings.Join(s.Said, " ")
	switch {
	case said == "" && s.Note != "":
		said = "(no report)"
	case said == "":
		said = "-"
	case s.Others == 1:
		said += " or 1 other"
	case s.Others > 0:
		said += fmt.Sprintf(" or %d others", s.Others)
	}
	return strings.Join([]string{outcome, said, short(s.Median), fmt.Sprint(len(s.False))}, separator)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func short(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

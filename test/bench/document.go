package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// Document is what docs/bench.md says.
type Document struct {
	Machine []Fact
	Rows    []Row
	Calls   []Calls
	// Detail are the calls of one command, one line a kind.
	Detail     []CallCount
	DetailOf   string
	Filled     string // what the cluster was filled with; empty: it was not
	Took       time.Duration
	ClusterBig string // a command line that fills it more
}

// Fact is something about the machine that measured.
type Fact struct{ Name, Value string }

// Calls is what one command asked of the API on the plain and on the filled cluster.
type Calls struct {
	Command       string
	Plain, Filled Traffic
}

// same compares what does not vary with time: how many calls, and how many bytes were read.
func (c Calls) ratios() (calls, bytes float64) {
	if c.Filled.Calls == 0 {
		return math.NaN(), math.NaN()
	}
	return float64(c.Filled.Calls) / float64(c.Plain.Calls), float64(c.Filled.ReadBytes) / float64(c.Plain.ReadBytes)
}

// Markdown writes docs/bench.md.
func (d Document) Markdown(w io.Writer) {
	fmt.Fprint(w, "<!-- Written by `make bench`; do not edit. -->\n\n# The benchmarks\n\n")
	fmt.Fprint(w, "Each row is measured beside its floor in the same run, in turn (floor, measured, floor, measured, ...), so that\n"+
		"a busy machine slows both; the ratio is what to compare between machines. Numbers are medians, with the smallest\n"+
		"and the largest. Budgets are those of [design.md](design.md), section 11. Nothing here passes or fails in CI.\n\n")
	for _, f := range d.Machine {
		fmt.Fprintf(w, "- %s: %s\n", f.Name, cell(f.Value))
	}
	if d.Filled != "" {
		fmt.Fprintf(w, "- Filled cluster: %s\n", d.Filled)
	}
	fmt.Fprintf(w, "- The whole took %s\n", d.Took.Round(time.Second))
	fmt.Fprint(w, "\n| what | budget | measured | floor | floor measured | ratio | within budget |\n|---|---|---|---|---|---|---|\n")
	for _, r := range d.Rows {
		budget := r.Budget
		if budget == "" {
			budget = "-"
		}
		measured, within := spread(r.Values, r.Unit), r.Within()
		if r.Missing != "" {
			measured, within = "not measured: "+cell(r.Missing), "-"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(r.What), budget, measured, cell(r.Floor), spread(r.Floors, r.Unit), ratio(r.Ratio()), within)
	}
	d.writeCalls(w)
}

func (d Document) writeCalls(w io.Writer) {
	if len(d.Calls) == 0 {
		return
	}
	fmt.Fprint(w, "\n## What a command asks of the API server\n\n"+
		"Counted by a proxy between the plugin and the API server, of a repeat that finds its probe warm (`node` always starts\n"+
		"one). *Read* is the bytes of the bodies of answers, compressed as sent; the stream to the probe is left out. The floor\n"+
		"of the filled cluster is the plain one: what is read must not grow with the cluster. Only `node` lists all nodes (up\n"+
		"to 10,000), to hold the kernel's routes and tunnels against them.\n\n"+
		"| command | calls | calls, filled | ratio | read | read, filled | ratio |\n|---|---|---|---|---|---|---|\n")
	for _, c := range d.Calls {
		calls, bytes := c.ratios()
		filled := [2]string{"-", "-"}
		if c.Filled.Calls > 0 {
			filled = [2]string{fmt.Sprint(c.Filled.Calls), kb(c.Filled.ReadBytes)}
		}
		fmt.Fprintf(w, "| `%s` | %d | %s | %s | %s | %s | %s |\n", cell(c.Command), c.Plain.Calls, filled[0], ratio(calls), kb(c.Plain.ReadBytes), filled[1], ratio(bytes))
	}
	if len(d.Detail) == 0 {
		return
	}
	fmt.Fprintf(w, "\nThe calls of `%s`:\n\n| verb | resource | calls | read |\n|---|---|---|---|\n", cell(d.DetailOf))
	for _, c := range d.Detail {
		fmt.Fprintf(w, "| %s | %s | %d | %s |\n", cell(c.Verb), cell(c.Resource), c.Calls, kb(c.ReadBytes))
	}
}

// Print writes the rows for a terminal.
func (d Document) Print(w io.Writer) {
	out := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "WHAT\tMEASURED\tFLOOR\tRATIO\tWITHIN")
	for _, r := range d.Rows {
		measured := spread(r.Values, r.Unit)
		if r.Missing != "" {
			measured = "not measured: " + r.Missing
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", r.What, measured, spread(r.Floors, r.Unit), ratio(r.Ratio()), r.Within())
	}
	for _, c := range d.Calls {
		calls, bytes := c.ratios()
		fmt.Fprintf(out, "API: %s\t%d calls, %s\t\tcalls %s, bytes %s\t\n", c.Command, c.Plain.Calls, kb(c.Plain.ReadBytes), ratio(calls), ratio(bytes))
	}
	_ = out.Flush()
}

func ratio(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

func kb(bytes int64) string { return fmt.Sprintf("%.1f kB", float64(bytes)/1000) }

// cell keeps a text from ending its cell or its line.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(text)
}

//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var writeHard = flag.Bool("write-hard", false, "write docs/hard-times.md")

// hardTimes is the table of what the cluster and the network did to netlook. A run has
// survived when it told the truth: a complete report, or one that says what is missing.
var hardTimes = struct {
	sync.Mutex
	rows []*hardRow
}{}

type hardRow struct {
	name           string
	runs, survived int
	came           map[string]int // what the runs came to, in words
	order          []string
}

// survived notes a run of a case: what it came to, and whether it is as it must be.
func survived(t testing.TB, name, came string, problems ...string) {
	t.Helper()
	survivedAll(t, name, 1, came, problems...)
}

// survivedAll notes runs that are judged together.
func survivedAll(t testing.TB, name string, runs int, came string, problems ...string) {
	t.Helper()
	hardTimes.Lock()
	defer hardTimes.Unlock()
	var row *hardRow
	for _, r := range hardTimes.rows {
		if r.name == name {
			row = r
		}
	}
	if row == nil {
		row = &hardRow{name: name, came: map[string]int{}}
		hardTimes.rows = append(hardTimes.rows, row)
	}
	row.runs += runs
	if row.came[came] == 0 {
		row.order = append(row.order, came)
	}
	row.came[came]++
	if len(problems) == 0 {
		row.survived += runs
		return
	}
	t.Errorf("%s: %s", name, strings.Join(problems, "; "))
}

// hardTable is the table in Markdown.
func hardTable() string {
	var b strings.Builder
	b.WriteString("| case | runs | survived | what they came to |\n|---|---|---|---|\n")
	hardTimes.Lock()
	defer hardTimes.Unlock()
	for _, r := range hardTimes.rows {
		var came []string
		for _, text := range r.order {
			if len(r.order) > 1 {
				text = fmt.Sprintf("%d %s", r.came[text], text)
			}
			came = append(came, text)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %s |\n", r.name, r.runs, r.survived, strings.Join(came, "; "))
	}
	return b.String()
}

// printHardTimes shows the table at the end of all tests, and writes it when asked.
func printHardTimes() {
	if len(hardTimes.rows) == 0 {
		return
	}
	table := hardTable()
	fmt.Printf("hard times\n%s", table)
	if !*writeHard {
		return
	}
	text := "# Hard times\n\nWritten by `make hard HARD_FLAGS=-write-hard`: what the test cluster and the network did to netlook in the\n" +
		"middle of its runs. A run has survived when it told the truth: a complete report, or one that says what is\n" +
		"missing, never \"healthy\" without the evidence, and nothing left behind past its deadline. Random moments are of a\n" +
		"fixed seed. One kernel has one clock: a proxy before the API server moves every time that it tells, in the field\n" +
		"`Date` and in objects, by an hour; durations are monotonic on both sides.\n\n" + table
	if err := os.WriteFile(filepath.Join(cluster.root, "docs", "hard-times.md"), []byte(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
}

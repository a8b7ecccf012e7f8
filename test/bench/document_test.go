package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestMarkdown(t *testing.T) {
	doc := Document{
		Machine: []Fact{{"Machine", "2 cores"}},
		Took:    61 * time.Second,
		Filled:  Fill{Nodes: 10, Pods: 20}.String(),
		Rows: []Row{
			{What: "warm", Unit: Seconds, Budget: "0.3 s", Limit: 0.3, Floor: "a | b", Floors: Sample{0.1, 0.1}, Values: Sample{0.25, 0.2, 0.3}},
			{What: "lost", Unit: MB, Budget: "25 MB", Limit: 25, Floor: "x", Missing: "no probe\nran"},
		},
		Calls: []Calls{
			{Command: "pod x", Plain: Traffic{Calls: 20, ReadBytes: 1000}, Filled: Traffic{Calls: 20, ReadBytes: 1500}},
			{Command: "node y", Plain: Traffic{Calls: 4, ReadBytes: 100}},
		},
		DetailOf: "pod x",
		Detail:   []CallCount{{Verb: "list", Resource: "pods", Calls: 2, ReadBytes: 300}},
	}
	var out bytes.Buffer
	doc.Markdown(&out)
	for _, want := range []string{
		`| warm | 0.3 s | 0.250 s (0.200 to 0.300, 3 runs) | a \| b | 0.100 s | 2.50 | yes |`,
		"| lost | 25 MB | not measured: no probe ran | x | - | - | - |",
		"| `pod x` | 20 | 20 | 1.00 | 1.0 kB | 1.5 kB | 1.50 |",
		"| `node y` | 4 | - | - | 0.1 kB | - | - |",
		"| list | pods | 2 | 0.3 kB |",
		"- The whole took 1m1s\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q in:\n%s", want, out.String())
		}
	}
	columns := map[string]int{}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "|") {
			columns[line] = strings.Count(line, "|") - strings.Count(line, `\|`)
		} else {
			checkColumns(t, columns)
			columns = map[string]int{}
		}
	}
	checkColumns(t, columns)
}

// checkColumns makes sure that the lines of one table have as many cells.
func checkColumns(t *testing.T, lines map[string]int) {
	t.Helper()
	first := 0
	for line, n := range lines {
		if first == 0 {
			first = n
		}
		if n != first {
			t.Errorf("a table of %d and %d columns: %s", first, n, line)
		}
	}
}

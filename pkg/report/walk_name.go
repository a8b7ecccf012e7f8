package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// mostLines is how many lines of one kind a step has; the rest is counted.
const mostLines = 16

// nameStep is the name: judged by what the DNS servers answer, and told by what a
// resolver of the vantage point sends.
func nameStep(v facts.Vantage, of map[string][]check.Result) Step {
	s := step("name", append(slices.Clone(of["dns.service"]), of["dns.resolver"]...), notRun)
	for _, r := range of["dns.trace"] {
		s.Lines = append(s.Lines, traceLines(r)...)
		if s.Status == check.Pass && (r.Failure == check.NXDomain || r.Failure == check.NoData) {
			// The servers answer; what they answer is no address. An alias of a name that
			// is none is such a case: its step says at which link the way ends.
			s.Status, s.Detail = check.Warn, r.Summary+"; the servers answer: "+s.Detail
		}
	}
	if v.Kind == facts.VantageNode && len(of["dns.service"]) > 0 {
		s.Lines = append(s.Lines, Line{Key: "asks for", Text: "nothing of the cluster: a node resolves as its own resolv.conf says; the cluster's DNS servers were asked by themselves"})
	}
	s.Lines = append(s.Lines, serverLines(of["dns.service"])...)
	return s
}

// traceLines are the lines of a traced lookup: the resolver's settings, each query, and
// what the name resolved to.
func traceLines(r check.Result) []Line {
	var settings, lines []Line
	for _, e := range r.Evidence {
		switch e.Key {
		case "server", "search", "ndots":
			settings = append(settings, Line{Key: e.Key, Text: e.Value})
		default:
			lines = append(lines, Line{Key: e.Key, Text: e.Value})
		}
	}
	var words []string
	for _, l := range settings {
		words = append(words, l.Key+" "+strings.TrimSpace(l.Text))
	}
	head := Line{Key: "asks for", Text: r.Target}
	if len(words) > 0 {
		head.Text += "   (resolv.conf: " + strings.Join(words, ", ") + ")"
	}
	if len(lines) == 0 {
		head.Text += ": " + r.Summary
	}
	return append([]Line{head}, lines...)
}

// serverLines are what each DNS server answered about the name, a line each.
func serverLines(results []check.Result) []Line {
	var order []string
	by := map[string][]check.Result{}
	for _, r := range results {
		server, _, _ := strings.Cut(r.Target, " ")
		if by[server] == nil {
			order = append(order, server)
		}
		by[server] = append(by[server], r)
	}
	slices.Sort(order)
	var lines []Line
	for i, server := range order {
		if i == mostLines {
			return append(lines, Line{Key: "servers", Text: fmt.Sprintf("%d more", len(order)-mostLines)})
		}
		s := step("", by[server], "")
		text := server
		if object := by[server][0].Object; object != "" {
			text += " = " + object
		}
		lines = append(lines, Line{Status: s.Status, Key: "server", Text: text + ": " + s.Detail + s.Why})
	}
	return lines
}

// aliasStep is an ExternalName's chain of aliases, link by link.
func aliasStep(results []check.Result) Step {
	s := step("alias", results, notRun)
	for _, r := range results {
		if len(results) == 1 && r.Status != check.Skipped {
			s.Detail = r.Summary // the kind of the failure alone does not say at which link
		}
		for _, e := range r.Evidence {
			if e.Key == "ends" || strings.HasPrefix(e.Key, "link ") {
				s.Lines = append(s.Lines, Line{Key: e.Key, Text: e.Value})
			}
		}
	}
	return s
}

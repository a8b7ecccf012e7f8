// Package causes holds the root causes that netlook knows, one file each. A new cause
// is one new file that registers itself in Registry: what it is, how it is
// recognised, and what to type. It may import pkg/diagnose, pkg/check, pkg/facts,
// pkg/target and the standard library.
package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Registry holds every cause of this build.
var Registry diagnose.Registry

// The ranks of findings: what lies deeper explains what lies above it.
const (
	rankSymptom  = 10 // a port, a process
	rankService  = 20
	rankPod      = 30
	rankPath     = 40
	rankNode     = 50
	rankMeasured = 60 // the state itself was read, and is wrong
)

// mostPlaces is how many places a finding names.
const mostPlaces = 4

// failing are the statuses that call for an explanation.
var failing = []check.Status{check.Fail, check.Warn}

// seen is a result as a line of evidence.
func seen(r check.Result) string {
	what := strings.TrimSpace(r.Area + " " + r.Title)
	if r.Target != "" {
		what += " " + r.Target
	}
	return what + ": " + r.Summary
}

// answerElsewhere says how many pods on other nodes answer.
func answerElsewhere(n int) string {
	if n == 1 {
		return "1 pod on another node answers"
	}
	return fmt.Sprintf("%d pods on other nodes answer", n)
}

// seenAll are the first lines of several results.
func seenAll(results []check.Result) []string {
	var lines []string
	for i, r := range results {
		if i == mostPlaces {
			return append(lines, fmt.Sprintf("and %d more like these", len(results)-mostPlaces))
		}
		lines = append(lines, seen(r))
	}
	return lines
}

// place is a result's target with what stands behind it and the node it is on.
func place(c *diagnose.Case, r check.Result) string {
	text := r.Target
	if r.Object != "" && r.Object != r.Target {
		text = strings.TrimPrefix(text+" = "+r.Object, " = ")
	}
	if node := c.NodeOf(r); node != "" {
		text += " on node " + node
	}
	return text
}

func places(c *diagnose.Case, results []check.Result) []string {
	var list []string
	for _, r := range results {
		if p := place(c, r); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if more := len(list) - mostPlaces; more > 0 {
		list = append(list[:mostPlaces], fmt.Sprintf("and %d more", more))
	}
	return list
}

// bySubject groups results by the service they are about and the row they are in.
func bySubject(results []check.Result) [][]check.Result {
	var groups [][]check.Result
	at := map[string]int{}
	for _, r := range results {
		key := r.Vantage + " " + r.Subject + " " + r.Title
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// name is an object without its kind: "shop/payments" of "service/shop/payments".
func name(object string) string {
	_, rest, _ := strings.Cut(object, "/")
	return rest
}

// namespaced gives "-n NAMESPACE NAME" of "kind/namespace/name", for commands.
func namespaced(object string) (namespace, name string) {
	parts := strings.Split(object, "/")
	if len(parts) == 3 {
		return parts[1], parts[2]
	}
	return "", parts[len(parts)-1]
}

// allFailures reports whether every attempt of r failed in one of these ways.
func allFailures(r check.Result, kinds ...check.Failure) bool {
	if len(r.Attempts) == 0 {
		return slices.Contains(kinds, r.Failure)
	}
	return !slices.ContainsFunc(r.Attempts, func(a check.Attempt) bool { return !slices.Contains(kinds, a.Failure) })
}

// value is a piece of a result's evidence.
func value(r check.Result, key string) string {
	for _, e := range r.Evidence {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// slicesOf is the command that shows a service's endpoints.
func slicesOf(s *facts.Service) string {
	return fmt.Sprintf("kubectl -n %s get endpointslices -l kubernetes.io/service-name=%s", s.Namespace, s.Name)
}

// command is a command in a pod's or node's report: kubectl netlook with the vantage.
func netlookNode(node string) string { return "kubectl netlook node " + node }

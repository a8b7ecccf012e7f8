package printer

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// htmlChanges is what differs from the baseline, bounded.
type htmlChanges struct {
	Headline string
	Limits   []string
	Lines    []htmlChange
	More     int
	Same     string
}

type htmlChange struct {
	Status           check.Status
	Kind, What, Text string
}

func newHTMLChanges(c *report.Changes) *htmlChanges {
	if c == nil {
		return nil
	}
	h := &htmlChanges{Headline: comparedWith(c), Limits: c.Limits, Same: report.CountChecks(c.Same)}
	list, rest := changesOf(c)
	list = append(list, rest...)
	h.More = max(0, len(list)-mostRows)
	for _, ch := range list[:len(list)-h.More] {
		h.Lines = append(h.Lines, htmlChange{ch.status, ch.kind, ch.what, ch.text})
	}
	return h
}

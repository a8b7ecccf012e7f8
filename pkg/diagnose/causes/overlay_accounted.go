package causes

import (
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// accounted reports whether INVALID packets at the end of a way are no sign that ours are
// damaged: a TCP port on the other node answers, which it would not, or a rule there takes
// what opens each of our connections, be it well or not.
func accounted(c *diagnose.Case, h diagnose.Hop, l leg) bool {
	if slices.ContainsFunc(c.Find(diagnose.Match{Status: []check.Status{check.Pass}}), func(r check.Result) bool {
		_, protocol, ok := diagnose.TargetPort(r)
		return ok && protocol == facts.TCP && c.NodeOf(r) == h.To && homeOf(c, r.Vantage) == h.From
	}) {
		return true
	}
	if l.to != h.To {
		return false
	}
	stopped := stoppedAt(c, l.to, false)
	return len(stopped) > 0 && slices.ContainsFunc(dropsAt(c, l.to), func(d facts.Drop) bool {
		named, _ := namedBy(c, l.to, d, stopped)
		return d.Packets == nil && onTheWay(d) && !proxysOwn(d) && len(named) == len(stopped)
	})
}

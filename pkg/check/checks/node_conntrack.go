package checks

import (
	"context"
	"fmt"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// At which fill of the connection tracking table, in percent, a result turns.
const (
	conntrackWarn = 80
	conntrackFail = 95
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.conntrack",
		Area:    "node",
		Summary: "the node's connection tracking table has room",
		Plan:    planNode("conntrack"),
		Run: func(context.Context, check.Task, nodeParams) check.Result {
			c, err := netsys.ReadConntrack(os.DirFS(netsys.SysctlRoot))
			if err != nil {
				return check.Skipf("", "the fill of the connection tracking table cannot be read: %v", err)
			}
			return judgeConntrack(c)
		},
	}))
}

// judgeConntrack is pure: the fill of the table.
func judgeConntrack(c facts.Conntrack) check.Result {
	r := check.Result{Kernel: &facts.Kernel{Conntrack: &c}}
	if c.Max <= 0 {
		r.Status = check.Pass
		r.Summary = fmt.Sprintf("%d connections tracked, without a limit", c.Count)
		return r
	}
	percent := float64(c.Count) * 100 / float64(c.Max)
	r.Summary = fmt.Sprintf("%d of %d connections tracked (%.0f %%)", c.Count, c.Max, percent)
	r.With("count", "%d", c.Count)
	r.With("max", "%d", c.Max)
	switch {
	case percent >= conntrackFail:
		r.Status = check.Fail
	case percent >= conntrackWarn:
		r.Status = check.Warn
	default:
		r.Status = check.Pass
		return r
	}
	r.Failure = check.Config
	r.Meaning = "when the table is full, the first packet of every new connection is dropped"
	return r
}

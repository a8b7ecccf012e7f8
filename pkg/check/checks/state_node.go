package checks

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.node",
		Area:    "node",
		Summary: "the API shows the nodes in question as ready",
		Read:    readStateNode,
	}))
}

// readStateNode gives one result for all nodes that are ready, and one for each that
// is not: a cluster may have thousands.
func readStateNode(f *facts.Facts) []check.Result {
	const title = "nodes ready"
	nodes := f.Nodes
	if v := f.Vantage.Node; len(nodes) == 0 && v != nil {
		nodes = []facts.Node{*v}
	}
	if len(nodes) == 0 {
		r := check.Skipf("", "%s", notesOn(f, "no node could be read", "nodes", "the other nodes", "node "))
		r.Label = check.Label{Title: title, Target: "nodes"}
		return []check.Result{r}
	}
	var results []check.Result
	ready := 0
	for _, n := range nodes {
		if n.Ready {
			ready++
			continue
		}
		r := failed(check.NotReady, "is not ready")
		r.With("reason", "%s", dial.Clean(n.NotReady, 200))
		r.Label = check.Label{Title: title, Target: n.Name, Object: nodeObject(n.Name)}
		results = append(results, r)
	}
	if ready > 0 {
		target := check.Count(ready, "node")
		if ready == 1 && len(nodes) == 1 {
			target = nodes[0].Name
		}
		results = append(results, check.Result{
			Status: check.Pass, Summary: fmt.Sprintf("%d of %d ready", ready, len(nodes)),
			Label: check.Label{Title: title, Target: target},
		})
	}
	return results
}

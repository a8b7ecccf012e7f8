package checks

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// pastKernel is the network plugin of this node that leads pods' packets past the tables
// which the kernel shows, nil where none is known to.
func pastKernel() *facts.Plugin {
	links, _ := netsys.Links() // unreadable: as if there were none, which says less
	for _, l := range links {
		if p := facts.TracksPast(l.Name); p != nil {
			return p
		}
	}
	return nil
}

// aside replaces a result that found nothing where nothing is to be found: a pass would
// sound as if it had looked at pods' packets. What was asked for and not found is kept,
// for causes that count it. It is pure.
func aside(r check.Result, found bool, past *facts.Plugin, what string) check.Result {
	if found || past == nil || r.Status != check.Pass {
		return r
	}
	skip := check.Skipf("", "%s", fmt.Sprintf("%s leads pods' packets past this table: %s", past.Name, what))
	skip.Kernel = r.Kernel
	return skip
}

// tracked reports whether a result has a flow that was found.
func tracked(r check.Result) bool {
	if r.Kernel == nil {
		return false
	}
	for _, f := range r.Kernel.Flows {
		if f.Found {
			return true
		}
	}
	return false
}

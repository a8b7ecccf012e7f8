package checks

import (
	"context"
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.podlinks",
		Area:    "node",
		Summary: "the links of pods (veths into other network namespaces) are up at both ends",
		Plan:    planNode("pods' links"),
		Run: func(ctx context.Context, _ check.Task, _ nodeParams) check.Result {
			return runPodLinks(ctx, func() (facts.Kernel, error) {
				links, err := netsys.Links()
				return facts.Kernel{Links: links}, err
			})
		},
	}))
}

func runPodLinks(ctx context.Context, read func() (facts.Kernel, error)) check.Result {
	k, down, rushed, err := lasting(ctx, read, downVeths)
	switch {
	case err != nil:
		return check.Errorf("%v", err)
	case rushed:
		return check.Skipf("", "%d links of pods are not up, but there was no time to see whether they stay so", len(down))
	}
	return judgePodLinks(k, down)
}

// leadsToPod reports whether a link's other end is in another network namespace.
func leadsToPod(l facts.Link) bool { return l.Kind == "veth" && l.PeerNetns >= 0 }

// downVeths are the links of pods that carry nothing. A veth without carrier whose own
// end is up has its other end down (drivers/net/veth.c, veth_close).
func downVeths(k facts.Kernel) []facts.Link {
	return slices.DeleteFunc(slices.Clone(k.Links), func(l facts.Link) bool {
		return !leadsToPod(l) || l.Up && l.State != "down" && l.State != "lowerlayerdown"
	})
}

// judgePodLinks is pure.
func judgePodLinks(k facts.Kernel, down []facts.Link) check.Result {
	all := 0
	for _, l := range k.Links {
		if leadsToPod(l) {
			all++
		}
	}
	switch {
	case all == 0:
		return check.Skipf("", "no veth leads from here into another network namespace")
	case len(down) == 0:
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d links of pods are up", all)}
	}
	var names []string
	r := check.Result{Status: check.Warn, Failure: check.Unreachable}
	for i, l := range down {
		name, where := dial.Clean(l.Name, 32), "here"
		if l.Up {
			where = "at the pod's end"
		}
		names = append(names, name)
		if i < maxLinksShown {
			r.With(name, "down %s; ifindex %d, peer ifindex %d in netns id %d", where, l.Index, l.PeerIndex, l.PeerNetns)
		}
	}
	r.Summary = fmt.Sprintf("%d of %d links of pods are down: %s", len(down), all, fewOf(names))
	r.Meaning = "the pod behind such a link reaches nobody, and nobody reaches it"
	r.Kernel = &facts.Kernel{Links: down}
	return r
}

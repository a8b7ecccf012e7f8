package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestPodPending(t *testing.T) {
	for _, tt := range []struct {
		name, phase, node, want string
	}{
		{"no node takes it", "Pending", "", "pod/shop/new does not run yet: Unschedulable: 0/3 nodes are available"},
		{"it is on a node: its kubelet has to say", "Pending", "a", ""},
		{"it runs, and is not ready", "Running", "a", ""},
	} {
		w := newWorld()
		pod := facts.Pod{Namespace: "shop", Name: "new", Phase: tt.phase, Node: tt.node, NotReady: "Unschedulable: 0/3 nodes are available"}
		w.facts.Vantage.Pod, w.facts.Targets = &pod, []facts.Target{{Pods: []facts.Pod{pod}}}
		w.results = []check.Result{{TaskID: "state", Check: "state.pod", Vantage: check.VantageAPI, Status: check.Fail, Failure: check.NotReady,
			Label: check.Label{Area: "vantage", Title: "pod state", Target: "shop/new", Object: "pod/shop/new"}}}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		got := ""
		if len(v.Causes) > 0 {
			got = v.Causes[0].Headline
		}
		if got != tt.want || len(v.Causes) > 1 || (tt.want != "") != (len(v.Unexplained) == 0) {
			t.Errorf("%s: %q, want %q; %+v", tt.name, got, tt.want, v)
		}
		if tt.want != "" && (len(v.Causes[0].Try) != 1 || v.Causes[0].Try[0] != "kubectl -n shop describe pod new") {
			t.Errorf("%s: try %q", tt.name, v.Causes[0].Try)
		}
	}
}

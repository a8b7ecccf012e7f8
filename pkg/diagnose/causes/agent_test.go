package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// agent is what asking a node's agent came to, on a node of Cilium's.
func (w *world) agent(node string, status check.Status, failure check.Failure) *world {
	w.read(node, "node.agent", status, "agent").read(node, "node.podlinks", check.Pass, "up").
		kernel("node.podlinks "+node, facts.Kernel{Links: []facts.Link{{Name: "cilium_host"}}})
	for i := range w.results {
		if r := &w.results[i]; r.Check == "node.agent" && r.Vantage == "node/"+node {
			r.Failure = failure
		}
	}
	w.facts.Network.Plugin = "Cilium"
	return w
}

func TestAgentDown(t *testing.T) {
	partly := func() *world { return newWorld().fail(check.Timeout, 2, "service.vip").deep() }
	for _, tt := range []struct {
		name       string
		world      *world
		cause      string
		confidence diagnose.Confidence
		explains   int
	}{
		{"it hangs, and services fail", partly().agent("a", check.Fail, check.NotReady), "NL-NODE-AGENT", diagnose.Certain, 2},
		{"it hangs, and nothing fails yet", newWorld().deep().agent("a", check.Fail, check.NotReady), "NL-NODE-AGENT", diagnose.Certain, 1},
		{"nobody is there, and services fail", partly().agent("a", check.Warn, check.Refused), "NL-NODE-AGENT", diagnose.Likely, 2},
		{"nobody is there, and another node's answers", newWorld().deep().agent("a", check.Warn, check.Refused).agent("b", check.Pass, ""), "NL-NODE-AGENT", diagnose.Likely, 1},
		{"nobody is there on any node: another port", newWorld().deep().agent("a", check.Warn, check.Refused).agent("b", check.Warn, check.Refused), "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if tt.cause == "" {
				if len(v.Causes) > 0 {
					t.Errorf("causes %q, want none", codes(v.Causes))
				}
				return
			}
			if len(v.Causes) != 1 || len(v.Unexplained) > 0 {
				t.Fatalf("causes %q, unexplained %q", codes(v.Causes), v.Unexplained)
			}
			if f := v.Causes[0]; f.Code != tt.cause || f.Confidence != tt.confidence || len(f.Explains) < tt.explains {
				t.Errorf("%s, %s, explains %q", f.Code, f.Confidence, f.Explains)
			}
		})
	}
}

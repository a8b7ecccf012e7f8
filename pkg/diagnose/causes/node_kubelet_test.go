package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestKubelet(t *testing.T) {
	for _, tt := range []struct {
		name       string
		world      *world
		kubelet    *facts.Kubelet
		causes     []string
		confidence diagnose.Confidence
		says       []string
	}{
		{"it is reached", newWorld(), nil, nil, 0, nil},
		{"silence", newWorld(), &facts.Kubelet{}, []string{"NL-NODE-KUBELET"}, diagnose.Likely,
			[]string{"does not reach the kubelet of node a at TCP 10250", "get no answer", "drops TCP 10250"}},
		{"refused", newWorld(), &facts.Kubelet{Addr: "[fd00::2]:10251", Why: "dial tcp [fd00::2]:10251: connect: connection refused"}, []string{"NL-NODE-KUBELET"}, diagnose.Certain,
			[]string{"at [fd00::2]:10251", "the API server says: dial tcp", "being restarted", "nc -vz fd00::2 10251"}},
		{"its certificate", newWorld(), &facts.Kubelet{Addr: "10.0.0.2:10250", Why: "remote error: tls: internal error"}, []string{"NL-NODE-KUBELET"}, diagnose.Certain,
			[]string{"cannot talk to the kubelet of node a at 10.0.0.2:10250", "serving certificate", "kubectl get csr"}},
		{"a tunnel", newWorld(), &facts.Kubelet{Why: "No agent available"}, []string{"NL-NODE-KUBELET"}, diagnose.Certain, []string{"the tunnel from the control plane"}},
		{"beside a node that is not ready", newWorld().notReady("b"), &facts.Kubelet{Why: "i/o timeout"}, []string{"NL-NODE-NOT-READY", "NL-NODE-KUBELET"}, diagnose.Certain, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := diagnose.NewCase(&tt.world.facts, tt.world.results)
			if c.Kubelet = tt.kubelet; tt.kubelet != nil {
				c.Kubelet.Node, c.Kubelet.Pod, c.Kubelet.Container = "a", facts.Ref{Namespace: "shop", Name: "client"}, "netlook-x"
			}
			v := Registry.Diagnose(c)
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Fatalf("causes (-want +got):\n%s", diff)
			}
			if len(tt.causes) == 0 {
				return
			}
			f := v.Causes[len(v.Causes)-1]
			text := strings.Join(append(append([]string{f.Headline, f.Likely}, f.Evidence...), f.Try...), "\n")
			for _, want := range tt.says {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q:\n%s", want, text)
				}
			}
			if f.Confidence != tt.confidence {
				t.Errorf("%s, want %s", f.Confidence, tt.confidence)
			}
		})
	}
}

// notReady adds what the API says of a node.
func (w *world) notReady(node string) *world {
	w.add("state.node", "state", node, "node/"+node, "", 0)
	return w.fail(check.NotReady, 0, "state.node")
}

package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestExempt: the NodeLocal DNSCache of the own node hangs. What goes to it is in no
// connection tracking, for it is exempt from that; so neither a rule that drops strangers'
// packets meanwhile nor a filter at a pod's interface has taken it.
func TestExempt(t *testing.T) {
	for name, tt := range map[string]struct {
		server string
		local  []facts.Link
		want   bool
	}{
		"the ClusterIP, which the node holds": {"10.96.0.10", []facts.Link{{Index: 40, Name: "nodelocaldns", Kind: "dummy", Addrs: []string{"169.254.20.10/32", "10.96.0.10/32"}}}, false},
		"its own address":                     {"169.254.20.10", nil, false},
		"the ClusterIP, which it does not":    {"10.96.0.10", nil, true},
		"the ClusterIP, with IPVS":            {"10.96.0.10", []facts.Link{{Index: 40, Name: "kube-ipvs0", Kind: "dummy", Addrs: []string{"10.96.0.10/32"}}}, true},
	} {
		d := counted("prerouting", facts.Match{Demands: []facts.Demand{{Of: []string{"state"}, Among: []string{"invalid"}}}})
		filter := pods(countedBy(program("vethx", facts.TC, "ingress", "guard"), "qdisc clsact of vethx"), "10.1.0.9")
		w := newWorld()
		if tt.server != "10.96.0.10" {
			w.add("dns.cluster", "dns", tt.server+" tcp A", "", "", 2)
			w.fail(check.Timeout, -1, "dns.cluster "+tt.server)
		} else {
			w.fail(check.Timeout, -1, "dns.cluster 10.96.0.10")
		}
		w.deep().bridge(false).tracks("a").flows("a", [2]string{tt.server + ":53"}, [2]string{tt.server + ":53"}, [2]string{"10.1.0.2:8080", "10.1.0.2:8080"}).
			rule("a", d).attach("a", filter)
		w.facts.Network.Plugin = "flannel"
		w.kernel("node.bridge a", facts.Kernel{Links: append([]facts.Link{{Index: 7, Name: "vethx", Kind: "veth", Master: "br0"}}, tt.local...)})
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {d.Counter(): 9, filter.Counter(): 9}}
		ofA := func(found []diagnose.Finding) (n int) {
			for _, f := range found {
				if f.Where[0] == "node/a" {
					n++
				}
			}
			return n
		}
		if rules, filters := ofA(findFilterDrop(c)), ofA(findTCDrop(c)); rules > 0 != tt.want || filters > 0 != tt.want {
			t.Errorf("%s: %d rules and %d filters", name, rules, filters)
		}
	}
}

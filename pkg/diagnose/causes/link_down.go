package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-LINK-DOWN",
		Summary: "the pod's own interface is down, or has no address",
		Signal:  "Inside the pod no interface besides loopback is up with an address. On the node of a pod that does not answer, a veth that leads into another network namespace is down, or without carrier.",
		Meaning: "The pod reaches nothing but itself.",
		Confirm: []string{"kubectl netlook pod POD -o wide: the row vantage interface"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD: its network is then made anew"},
		Source:  "ip-link(8)",
		Spot:    diagnose.Spot{Place: diagnose.AtInterface, Says: "down"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "vantage.interface", Status: []check.Status{check.Fail}}) {
				f := diagnose.Finding{
					Headline:   fmt.Sprintf("the interface of %s: %s", r.Vantage, r.Summary),
					Confidence: diagnose.Certain,
					Where:      []string{r.Vantage},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   everything(c, r.Vantage),
					Likely:     "something in the pod or on its node has taken the link down, or the CNI plugin was interrupted",
					Rank:       rankMeasured,
				}
				if pod := c.Facts.Vantage.Pod; pod != nil {
					f.Try = []string{fmt.Sprintf("kubectl -n %s delete pod %s", pod.Namespace, pod.Name)}
				}
				findings = append(findings, f)
			}
			findings = append(append(findings, podLinksDown(c)...), insideDark(c, check.Config)...)
			for _, p := range c.Peers() {
				if !p.Dark() || p.Node == "" || darkNode(c, p) || c.Deep(p.Node) || c.CutOffFrom(p.Vantage, p.Addr) {
					continue
				}
				findings = append(findings, diagnose.Finding{
					Headline:   fmt.Sprintf("the interface of %s may be down", orAddr(p)),
					Confidence: diagnose.Possible,
					Where:      []string{orAddr(p)},
					Evidence:   []string{fmt.Sprintf("nothing comes back from %s, whatever is sent", p.Addr)},
					Explains:   c.Through(p.Keys),
					Try:        []string{"kubectl netlook " + lookFrom(p.Object)},
					Rank:       rankPod,
				})
			}
			return findings
		},
	})
}

// podLinksDown are links of pods that their node sees down, where something on that
// node is dark: by itself such a link harms nobody.
func podLinksDown(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "node.podlinks", Vantage: "node/", Status: failing}) {
		node := strings.TrimPrefix(r.Vantage, "node/")
		var where, keys []string
		for _, p := range c.Peers() {
			if p.Node == node && p.Dark() && !c.CutOffFrom(p.Vantage, p.Addr) {
				keys = append(keys, c.Through(p.Keys)...)
				if place := orAddr(p); !slices.Contains(where, place) {
					where = append(where, place)
				}
			}
		}
		if vantage := c.Facts.Vantage.String(); node == c.Home() && len(ownCut(c)) > 0 {
			keys = append(keys, ownCut(c)...)
			where = append(where, vantage)
		}
		if len(keys) == 0 {
			continue
		}
		findings = append(findings, diagnose.Finding{
			Headline:   fmt.Sprintf("on node %s %s", node, r.Summary),
			Confidence: diagnose.Certain,
			Where:      append(where, "node/"+node),
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   append(keys, diagnose.Key(r)),
			Likely:     "something on the node, or in the pod, has taken the link down",
			Try:        []string{"ip -d link show type veth   (on node " + node + ")", "ip link set VETH up   (on node " + node + ")"},
			Rank:       rankMeasured,
		})
	}
	return findings
}

// lookFrom is how to look from an object: "pod NAME -n NAMESPACE".
func lookFrom(object string) string {
	namespace, pod := namespaced(object)
	if namespace == "" {
		return object
	}
	return fmt.Sprintf("pod %s -n %s", pod, namespace)
}

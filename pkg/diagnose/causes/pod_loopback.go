package causes

import (
	"fmt"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-LOOPBACK",
		Summary: "the loopback interface of a pod is down",
		Signal:  "In the pod's network namespace lo is not up; eth0 and all that is behind it may be well.",
		Meaning: "Containers of the pod do not reach one another by 127.0.0.1 or localhost: sidecars, mesh proxies, health checks and DNS caches beside it fail, while the pod reaches the cluster.",
		Confirm: []string{"kubectl netlook shell POD -n NAMESPACE -- ip link show lo"},
		Remedy:  []string{"kubectl -n NAMESPACE delete pod POD (if a controller owns it, which makes it anew): it gets a new network", "if new pods have it too: the CNI plugin loopback is missing (/opt/cni/bin/loopback on the node), or a runtime that does not run it"},
		Source:  "https://github.com/containernetworking/plugins, plugins/main/loopback",
		Spot:    diagnose.Spot{Place: diagnose.AtPod, Says: "lo is down"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, id := range []string{"vantage.interface", "pod.network"} {
				for _, r := range c.Find(diagnose.Match{Check: id, Status: failing}) {
					if r.Kernel == nil || !slices.ContainsFunc(r.Kernel.Links, func(l facts.Link) bool { return l.Name == "lo" && !l.Up }) {
						continue
					}
					f := diagnose.Finding{
						Headline:   fmt.Sprintf("lo is down in %s: nothing in it is reached by localhost", r.Vantage),
						Confidence: diagnose.Certain,
						Where:      []string{r.Vantage},
						Evidence:   []string{seen(r)},
						Explains:   []string{diagnose.Key(r)},
						Likely:     "the CNI plugin loopback is missing on the node, or something in the pod has taken lo down",
						Rank:       rankMeasured,
					}
					if r.Failure != check.Config {
						f.Explains = nil // something graver is told by it as well
					}
					if namespace, pod := namespaced(r.Vantage); namespace != "" {
						f.Try = []string{
							fmt.Sprintf("kubectl netlook shell %s -n %s -- ip link show lo", pod, namespace),
							fmt.Sprintf("kubectl -n %s delete pod %s   (if a controller owns it, which makes it anew)", namespace, pod),
						}
					}
					findings = append(findings, f)
				}
			}
			return findings
		},
	})
}

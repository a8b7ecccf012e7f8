package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-SANDBOX",
		Summary: "a pod gets no network: its sandbox cannot be created on its node",
		Signal:  "A pod is scheduled and stays Pending without an address, and the API's events say FailedCreatePodSandBox, with the words of the CNI plugin.",
		Meaning: "The pod never starts, and what stands behind its service is missing. Often every new pod on that node fails alike, while those that run already are fine.",
		Confirm: []string{"kubectl -n NAMESPACE describe pod POD", "journalctl -u kubelet -u containerd | grep -i cni (on the node)"},
		Remedy:  []string{"mend what the plugin names, on that node; the kubelet tries again by itself"},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/",
		Find:    findSandbox,
	})
}

// sandboxReasons are what CNI plugins and runtimes say, and what it means.
var sandboxReasons = []struct{ says, likely, try string }{
	{"no IP addresses available", "the node's pod CIDR is used up, or addresses of pods that are gone were never released", "ls /var/lib/cni/networks/*   (on node NODE: one file for each address that is taken)"},
	{"failed to allocate", "the address management of the CNI has no address left for this node", "kubectl get node NODE -o jsonpath='{.spec.podCIDRs}'"},
	{"failed to find plugin", "the CNI's plugin binary is missing on the node", "ls /opt/cni/bin   (on node NODE)"},
	{"already has an IP address different from", "the node was given another pod CIDR than its bridge has: the bridge is a leftover", "ip link delete cni0   (on node NODE: the plugin makes it anew; pods there lose their network until they are restarted)"},
	{"subnet.env", "flannel has not written its subnet file: its pod does not run on the node", "kubectl get pods -A -o wide --field-selector spec.nodeName=NODE | grep -i flannel"},
	{"cni plugin not initialized", "the node has no CNI configuration", "ls /etc/cni/net.d   (on node NODE)"},
	{"network is not ready", "the node has no CNI configuration", "ls /etc/cni/net.d   (on node NODE)"},
	{"i/o timeout", "the CNI plugin does not reach something that it needs, often the API server", netlookNode("NODE")},
	{"connection refused", "the CNI plugin does not reach something that it needs, often its own daemon", "kubectl get pods -A -o wide --field-selector spec.nodeName=NODE"},
}

func findSandbox(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	byNode := map[string]int{}
	add := func(p facts.Pod, keys []string) {
		if p.NoSandbox == nil || len(keys) == 0 {
			return
		}
		if i, known := byNode[p.Node]; known {
			f := &findings[i]
			f.Explains = append(f.Explains, keys...)
			if len(f.Where) < mostPlaces {
				f.Where = append(f.Where, "pod/"+p.Ref().String())
			}
			return
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("pod %s gets no network on node %s", p.Ref(), p.Node),
			Confidence: diagnose.Certain,
			Where:      []string{"node/" + p.Node, "pod/" + p.Ref().String()},
			Evidence:   []string{fmt.Sprintf("FailedCreatePodSandBox, %d times: %s", p.NoSandbox.Count, p.NoSandbox.Message)},
			Explains:   keys,
			Likely:     "the CNI plugin of that node fails; its own words are above",
			Try:        []string{fmt.Sprintf("kubectl -n %s describe pod %s", p.Namespace, p.Name)},
			Rank:       rankPod,
		}
		for _, reason := range sandboxReasons {
			if strings.Contains(strings.ToLower(p.NoSandbox.Message), strings.ToLower(reason.says)) {
				f.Likely = reason.likely
				f.Try = append(f.Try, strings.ReplaceAll(reason.try, "NODE", p.Node))
				break
			}
		}
		byNode[p.Node] = len(findings)
		findings = append(findings, f)
	}
	for _, r := range append(unready(c, check.NotReady), unready(c, check.NoEndpoint)...) {
		s := c.Service(r.Subject)
		if s == nil {
			continue
		}
		for _, p := range s.SelectedPods {
			add(p, append(diagnose.Keys([]check.Result{r}), ofService(c, r.Subject)...))
		}
	}
	for _, r := range c.Find(diagnose.Match{Check: "state.pod", Status: failing}) {
		for _, t := range c.Facts.Targets {
			for _, p := range t.Pods {
				if r.Object == "pod/"+p.Ref().String() {
					add(p, diagnose.Keys([]check.Result{r}))
				}
			}
		}
	}
	return findings
}

package causes

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-NODE-KUBELET",
		Summary: "the API server does not reach a node's kubelet: logs, exec, attach and port-forward fail there",
		Signal:  "The API server reports that netlook's container runs, for the kubelet reports to it; an attach and the container's log, for which it has to reach the kubelet itself, end in its own error, or in silence while it answers everything else.",
		Meaning: "kubectl logs, exec, attach, cp and port-forward fail for every pod of the node, and so do metrics that are read from kubelets. What runs goes on running, and the node is Ready. netlook cannot look from there.",
		Confirm: []string{"kubectl -n NAMESPACE logs POD --tail=1", "kubectl get node NODE -o jsonpath='{.status.addresses} {.status.daemonEndpoints}'", "nc -vz ADDRESS 10250 (on the API server's host)"},
		Remedy:  []string{"let the API server's hosts reach TCP 10250 of the nodes: firewalls, security groups, the route to the node's InternalIP", "where it is the certificate: kubectl get csr, and approve what kubelets have asked for", "where a tunnel leads to the nodes (konnectivity): mend its agent"},
		Source:  "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/#control-plane-to-node",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			k := c.Kubelet
			if k == nil {
				return nil
			}
			at := cmp.Or(k.Addr, "TCP 10250")
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("the API server does not reach the kubelet of node %s at %s: logs, exec, attach and port-forward fail there", k.Node, at),
				Confidence: diagnose.Certain, // it says so itself
				Where:      []string{"node/" + k.Node},
				Evidence:   []string{fmt.Sprintf("container %s in pod %s runs, as the kubelet has reported; asked for it, the API server says: %s", k.Container, k.Pod, k.Why)},
				Likely:     whyNoKubelet(k.Trouble()),
				Try: []string{
					fmt.Sprintf("kubectl -n %s logs %s -c %s --tail=1", k.Pod.Namespace, k.Pod.Name, k.Container),
					fmt.Sprintf("kubectl get node %s -o wide", k.Node),
				},
				Rank: rankMeasured,
			}
			if k.Why == "" {
				f.Confidence = diagnose.Likely // it may hang itself
				f.Evidence[0] = fmt.Sprintf("container %s in pod %s runs, as the kubelet has reported; several attaches to it and its log get no answer, while the API server answers all else", k.Container, k.Pod)
			}
			if k.Trouble() == facts.KubeletUntrusted {
				f.Headline = fmt.Sprintf("the API server cannot talk to the kubelet of node %s at %s: logs, exec, attach and port-forward fail there", k.Node, at)
				f.Try = append(f.Try, "kubectl get csr   (approve what the node's kubelet has asked for)")
			} else if host, port, ok := cutPort(k); ok {
				f.Try = append(f.Try, fmt.Sprintf("nc -vz %s %s   (on the API server's host)", host, port))
			}
			return []diagnose.Finding{f}
		},
	})
}

// cutPort is where the kubelet listens, as far as the API server has said.
func cutPort(k *facts.Kubelet) (host, port string, ok bool) {
	i := strings.LastIndex(k.Addr, ":")
	if i < 0 {
		return "", "", false
	}
	return strings.Trim(k.Addr[:i], "[]"), k.Addr[i+1:], true
}

func whyNoKubelet(trouble facts.KubeletTrouble) string {
	switch trouble {
	case facts.KubeletRefused:
		return "the kubelet is being restarted, listens elsewhere, or a firewall on the way refuses"
	case facts.KubeletUntrusted:
		return "the kubelet has no serving certificate, or one that the API server does not trust: its request for one may wait to be approved"
	case facts.KubeletTunnel:
		return "the tunnel from the control plane to the nodes is down: its agent does not run, or is not connected"
	}
	return "a firewall or a security group between control plane and node drops TCP 10250; nodes reach the API server, and not the other way"
}

package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.dnspolicy",
		Area:    "dns",
		Summary: "the pod's dnsPolicy leads it to the cluster's DNS (told by the dns command)",
		Read: func(f *facts.Facts) []check.Result {
			p := f.Vantage.Pod
			if len(f.Ask.Names) == 0 || p == nil {
				return nil
			}
			r := judgeDNSPolicy(*p)
			r.Label = check.Label{Title: "dnsPolicy", Target: p.Ref().String(), Object: podObject(p.Ref())}
			return []check.Result{r}
		},
	}))
}

func judgeDNSPolicy(p facts.Pod) check.Result {
	switch {
	case p.HostNetwork && (p.DNSPolicy == "ClusterFirst" || p.DNSPolicy == ""):
		r := check.Result{Status: check.Warn, Failure: check.Config, Summary: "ClusterFirst on the host's network resolves as the node does, and knows no service"}
		r.Meaning = "pods with hostNetwork need dnsPolicy ClusterFirstWithHostNet to resolve names of the cluster"
		return r
	case p.DNSPolicy == "Default":
		r := check.Result{Status: check.Warn, Failure: check.Config, Summary: "Default resolves as the node does, and knows no service"}
		r.Meaning = "Default is not the default: that is ClusterFirst"
		return r
	case p.DNSPolicy == "None":
		return check.Result{Status: check.Pass, Summary: "None: its dnsConfig alone decides"}
	}
	return check.Result{Status: check.Pass, Summary: p.DNSPolicy}
}

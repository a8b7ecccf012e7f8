package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-NO-SERVER",
		Summary: "no DNS server of the cluster is ready",
		Signal:  "The API shows no ready endpoint behind the cluster's DNS service.",
		Meaning: "No name resolves in any pod that uses the cluster's DNS: most applications fail at once, whatever they talk to.",
		Confirm: []string{"kubectl -n kube-system get pods -l k8s-app=kube-dns", "kubectl -n kube-system get deployment coredns"},
		Remedy:  []string{"kubectl -n kube-system scale deployment coredns --replicas=2"},
		Source:  "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "no server ready"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			s := c.Facts.DNS.Service
			if s == nil || s.EndpointsUnknown || len(s.Ready()) > 0 {
				return nil
			}
			results := c.Find(diagnose.Match{Check: "state.dns", Status: []check.Status{check.Fail}})
			if len(results) == 0 {
				return nil
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("the cluster's DNS service %s has no ready server", s.Ref()),
				Confidence: diagnose.Certain,
				Where:      []string{"service/" + s.Ref().String()},
				Evidence:   append(seenAll(results), evidenceLines(results[0])...),
				Explains:   append(append(diagnose.Keys(results), namesFailing(c)...), ofService(c, "service/"+s.Ref().String())...),
				Likely:     "its Deployment is scaled to zero, or its pods do not become ready",
				Try: []string{
					fmt.Sprintf("kubectl -n %s get pods,deployments -l k8s-app=kube-dns", s.Namespace),
					fmt.Sprintf("kubectl -n %s scale deployment DEPLOYMENT --current-replicas=0 --replicas=2   (if it was scaled to zero)", s.Namespace),
				},
				Rank: rankMeasured,
			}
			for _, pod := range s.SelectedPods {
				for _, k := range pod.Containers {
					if k.Waiting == "" || len(f.Evidence) >= mostEvidence {
						continue
					}
					line := fmt.Sprintf("pod/%s: %s, %s", pod.Ref(), k.Waiting, check.Count(k.Restarts, "restart"))
					if k.Ended != nil {
						line += fmt.Sprintf(", the last run ended with exit code %d (%s)", k.Ended.ExitCode, k.Ended.Reason)
					}
					f.Evidence = append(f.Evidence, line)
					if k.Restarts > 0 {
						f.Likely = "its pods end again and again: a Corefile that they cannot read, most often"
						f.Try = []string{
							fmt.Sprintf("kubectl -n %s logs %s --previous --tail=20", pod.Namespace, pod.Name),
							fmt.Sprintf("kubectl -n %s get configmap coredns -o jsonpath='{.data.Corefile}'", pod.Namespace),
						}
					}
				}
			}
			return []diagnose.Finding{f}
		},
	})
}

// namesFailing are the bad results that a resolver without an answer explains: all
// questions, and hosts that were to be reached by name.
func namesFailing(c *diagnose.Case) []string {
	keys := diagnose.Keys(c.Find(diagnose.Match{Check: "dns.", Status: failing}))
	for _, id := range []string{"external.host", "target.tcp", "target.udp", "target.http", "target.icmp", "path.mtu"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Status: failing}) {
			if byName(r) {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	return keys
}

// byName reports whether a result failed at resolving its target's name: by the kind
// of its failure, or because no attempt got beyond the phase "dns".
func byName(r check.Result) bool {
	switch r.Failure {
	case check.NXDomain, check.ServFail, check.DNSRefused, check.NoData:
		return true
	}
	if strings.Contains(r.Summary, "does not resolve") {
		return true
	}
	failed := 0
	for _, a := range r.Attempts {
		if a.Failure == "" {
			continue
		}
		failed++
		if len(a.Phases) != 1 || a.Phases[0].Name != "dns" {
			return false
		}
	}
	return failed > 0
}

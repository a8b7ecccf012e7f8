package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-SCALED-TO-ZERO",
		Summary: "the workload behind a service has no pods: it is scaled to zero, or makes none",
		Signal:  "No pod matches the service's selector, and the pod template of a Deployment or StatefulSet of its namespace does.",
		Meaning: "The service is in order, and nobody is behind it.",
		Confirm: []string{"kubectl -n NAMESPACE get deployments,statefulsets"},
		Remedy:  []string{"kubectl -n NAMESPACE scale deployment NAME --replicas=N", "where replicas are asked for and none is made: kubectl -n NAMESPACE describe replicasets (quota, admission)"},
		Source:  "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#scaling-a-deployment",
		Find:    findScaledToZero,
	})
}

func findScaledToZero(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range unready(c, check.NoEndpoint) {
		s := c.Service(r.Subject)
		if s == nil || len(s.SelectedPods) > 0 || len(s.Workloads) == 0 || r.Subject == dnsSubject(c) {
			continue // the cluster's DNS has a cause of its own
		}
		w := s.Workloads[0]
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("nobody is behind service %s: %s %s is scaled to zero", s.Ref(), w.Kind, w.Name),
			Confidence: diagnose.Certain,
			Where:      []string{w.Kind + "/" + s.Namespace + "/" + w.Name, r.Subject},
			Evidence:   []string{seen(r), fmt.Sprintf("the pods of %s %s would match the service's selector; it asks for %d", w.Kind, w.Name, w.Replicas)},
			Explains:   append(diagnose.Keys([]check.Result{r}), ofService(c, r.Subject)...),
			Try:        []string{fmt.Sprintf("kubectl -n %s scale %s %s --replicas=1", s.Namespace, w.Kind, w.Name)},
			Rank:       rankMeasured,
		}
		if w.Replicas > 0 {
			f.Headline = fmt.Sprintf("nobody is behind service %s: %s %s asks for %s, and none is there", s.Ref(), w.Kind, w.Name, check.Count(w.Replicas, "pod"))
			f.Likely = "a quota or an admission webhook refuses them, or they are just being made"
			f.Try = []string{fmt.Sprintf("kubectl -n %s describe replicasets,statefulsets", s.Namespace), fmt.Sprintf("kubectl -n %s get events --sort-by=.lastTimestamp", s.Namespace)}
		}
		findings = append(findings, f)
	}
	return findings
}

// dnsSubject is the cluster's DNS service, as results name it.
func dnsSubject(c *diagnose.Case) string {
	if c.Facts.DNS.Service == nil {
		return ""
	}
	return "service/" + c.Facts.DNS.Service.Ref().String()
}

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
		Code:    "NL-SVC-NO-READY-ENDPOINT",
		Summary: "a service has endpoints, or pods, and none of them is ready",
		Signal:  "The EndpointSlices hold endpoints of which none is ready, or pods match the selector without having become endpoints; the pods say themselves why they are not ready.",
		Meaning: "Every node rejects or drops connections to the service until a pod becomes ready.",
		Confirm: []string{"kubectl -n NAMESPACE get pods -l SELECTOR", "kubectl -n NAMESPACE describe pod POD"},
		Remedy:  []string{"mend what the pods wait for: the readiness probe, the image, a volume, room on a node"},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			results := append(unready(c, check.NotReady), unready(c, check.NoEndpoint)...)
			for _, r := range results {
				s := c.Service(r.Subject)
				if s == nil || isDNS(c, s) || s.SelectorRead && len(s.Selector) > 0 && len(s.SelectedPods) == 0 {
					continue
				}
				f := diagnose.Finding{
					Headline:   headlineOf(s, r),
					Confidence: diagnose.Certain,
					Where:      []string{r.Subject},
					Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
					Explains:   append(diagnose.Keys([]check.Result{r}), ofService(c, r.Subject)...),
					Try:        []string{slicesOf(s)},
					Rank:       rankService,
				}
				for _, pod := range s.SelectedPods {
					if pod.Unhealthy != nil && len(f.Evidence) < mostEvidence {
						f.Evidence = append(f.Evidence, fmt.Sprintf("pod/%s: %s", pod.Ref(), pod.Unhealthy.Message))
						f.Likely = "its probe asks for what the application does not answer: the port and path of the probe, or the application itself"
					}
				}
				if n := len(s.SelectedPods); n > 0 {
					f.Headline = fmt.Sprintf("service %s selects %s, none is ready", s.Ref(), check.Count(n, "pod"))
					if n == 1 {
						f.Headline = fmt.Sprintf("service %s selects 1 pod, which is not ready", s.Ref())
					}
					f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s describe pod %s", s.Namespace, s.SelectedPods[0].Name))
				}
				findings = append(findings, f)
			}
			return findings
		},
	})
}

// headlineOf has the check's sentence, which may have a subject of its own.
func headlineOf(s *facts.Service, r check.Result) string {
	if r.Failure == check.NotReady {
		return fmt.Sprintf("service %s: %s", s.Ref(), r.Summary)
	}
	return fmt.Sprintf("service %s %s", s.Ref(), r.Summary)
}

func isDNS(c *diagnose.Case, s *facts.Service) bool {
	d := c.Facts.DNS.Service
	return d != nil && d.Ref() == s.Ref()
}

// evidenceLines are the first pieces of a result's evidence, as lines.
func evidenceLines(r check.Result) []string {
	var lines []string
	for _, e := range r.Evidence[:min(len(r.Evidence), mostPlaces)] {
		lines = append(lines, e.Key+": "+e.Value)
	}
	return slices.Clip(lines)
}

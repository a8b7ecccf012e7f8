package causes

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-APP-GRPC-NOT-SERVING",
		Summary: "a gRPC server is up, and says itself that it does not serve",
		Signal:  "The port speaks gRPC, and grpc.health.v1.Health/Check answers NOT_SERVING for the server as a whole. A connect, and a TCP probe, see nothing of it.",
		Meaning: "The network is fine. Calls fail, or are answered with UNAVAILABLE; clients with health checking of their own stay away, all others are sent there while the pod is ready.",
		Confirm: []string{"kubectl -n NAMESPACE port-forward pod/POD PORT; grpcurl -plaintext localhost:PORT grpc.health.v1.Health/Check", "kubectl -n NAMESPACE logs POD --tail=20"},
		Remedy:  []string{"mend what the application waits for (its logs say what)", "give the container a readinessProbe of type grpc, so that such a pod is not sent to"},
		Source:  "https://github.com/grpc/grpc/blob/master/doc/health-checking.md; https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-a-grpc-liveness-probe",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "not serving"},
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, id := range []string{"service.endpoint", "target.tcp"} {
				for _, group := range bySubject(c.Find(diagnose.Match{Check: id, Status: failing, Failure: []check.Failure{check.NotServing}})) {
					findings = append(findings, notServing(c, group))
				}
			}
			return findings
		},
	})
}

func notServing(c *diagnose.Case, group []check.Result) diagnose.Finding {
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("%s answers over gRPC that it does not serve (NOT_SERVING)", group[0].Target),
		Confidence: diagnose.Certain,
		Where:      places(c, group),
		Evidence:   seenAll(group),
		Explains:   c.Through(diagnose.Keys(group)),
		Likely:     "the application waits for something behind it, is starting or shutting down, or was told to drain",
		Rank:       rankSymptom + 1,
	}
	if s := c.Service(group[0].Subject); s != nil {
		f.Headline = fmt.Sprintf("%d of %d ready endpoints of service %s say over gRPC that they do not serve (NOT_SERVING)", len(group), len(s.Ready()), s.Ref())
		f.Evidence = append(f.Evidence, "Kubernetes has them as ready, so that they are sent to all the same")
	}
	if namespace, pod := namespaced(group[0].Object); namespace != "" {
		f.Try = []string{
			fmt.Sprintf("kubectl -n %s logs %s --tail=20", namespace, pod),
			fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.containers[*].readinessProbe}'", namespace, pod),
		}
	}
	return f
}

package causes

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-API-WEBHOOK",
		Summary: "an admission webhook that the API server cannot ask keeps things from being made",
		Signal:  "The API server refuses netlook's own probe with 'failed calling webhook', the webhook's name, and what came of asking it.",
		Meaning: "With failurePolicy Fail, whatever its rules name can be neither made nor changed: pods are not replaced when they end, and rollouts stand still. What runs goes on running.",
		Confirm: []string{"kubectl run x --image=x --dry-run=server", "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
		Remedy:  []string{"mend the service behind it: pods that are ready, a port that listens, a certificate that the caBundle fits", "where its program is gone: kubectl delete validatingwebhookconfiguration CONFIGURATION", "let the API server's hosts reach the pods of the webhook, at the port behind its service"},
		Source:  "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			w := c.Webhook
			if w == nil {
				return nil
			}
			f := diagnose.Finding{
				Headline:   fmt.Sprintf("the API server cannot ask admission webhook %q: what it judges can be neither made nor changed", w.Name),
				Confidence: diagnose.Certain, // these are its own words
				Evidence:   []string{fmt.Sprintf("%s: %s", w.Doing, w.Why)},
				Likely:     whyNoWebhook(w),
				Try: []string{"kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations " +
					"-o custom-columns='KIND:.kind,NAME:.metadata.name,WEBHOOKS:.webhooks[*].name,POLICY:.webhooks[*].failurePolicy'"},
				Rank: rankMeasured,
			}
			switch {
			case w.Service != facts.Ref{}:
				f.Where = []string{"service/" + w.Service.String()}
				f.Try = append(f.Try, fmt.Sprintf("kubectl -n %s get service,endpointslices,pods", w.Service.Namespace))
			case w.URL != "":
				f.Where = []string{w.URL}
			}
			return []diagnose.Finding{f}
		},
	})
}

// whyNoWebhook reads what the API server says came of asking: its own words, or those of
// Go's net/http.
func whyNoWebhook(w *facts.Webhook) string {
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(w.Why, word) {
				return true
			}
		}
		return false
	}
	switch {
	case has("service ") && has("not found"):
		return "its program was taken away, and its configuration was left"
	case has("no endpoints available"):
		return "no pod behind its service is ready"
	case has("connection refused"):
		return "its pod is there, and nothing listens on the port; or something on the way refuses"
	case has("no such host", "lookup "):
		return "the API server's host cannot resolve that name"
	case has("x509:", "tls:", "certificate"):
		return "its certificate has expired, or is not the one that the caBundle of its configuration trusts"
	case has("deadline exceeded", "i/o timeout", "Client.Timeout", "no route to host"):
		return "the API server's host does not reach its pod: a firewall between control plane and nodes, or the pods' network; or its pod hangs"
	}
	return "it does not answer as a webhook has to"
}

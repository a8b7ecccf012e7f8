package causes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestWebhook(t *testing.T) {
	gone := facts.Ref{Namespace: "policy", Name: "gone"}
	for _, tt := range []struct {
		name    string
		world   *world
		webhook *facts.Webhook
		causes  []string
		likely  string
		where   string
	}{
		{"none", newWorld(), nil, nil, "", ""},
		{"its service is gone", newWorld(), &facts.Webhook{Service: gone, Why: `service "gone" not found`}, []string{"NL-API-WEBHOOK"}, "was taken away", "service/policy/gone"},
		{"no pod", newWorld(), &facts.Webhook{Service: gone, Why: `no endpoints available for service "gone"`}, []string{"NL-API-WEBHOOK"}, "no pod behind", "service/policy/gone"},
		{"it refuses", newWorld(), &facts.Webhook{Service: gone, Why: "dial tcp 10.96.0.9:443: connect: connection refused"}, []string{"NL-API-WEBHOOK"}, "nothing listens", "service/policy/gone"},
		{"it is silent", newWorld(), &facts.Webhook{Service: gone, Why: "context deadline exceeded"}, []string{"NL-API-WEBHOOK"}, "does not reach its pod", "service/policy/gone"},
		{"its certificate", newWorld(), &facts.Webhook{URL: "https://x.example/", Why: "tls: failed to verify certificate: x509: certificate has expired"}, []string{"NL-API-WEBHOOK"}, "certificate has expired", "https://x.example/"},
		{"its name", newWorld(), &facts.Webhook{URL: "https://x.example/", Why: "dial tcp: lookup x.example on 10.0.0.1:53: no such host"}, []string{"NL-API-WEBHOOK"}, "cannot resolve", "https://x.example/"},
		{"something else", newWorld(), &facts.Webhook{Why: "strange"}, []string{"NL-API-WEBHOOK"}, "does not answer as", ""},
		{"beside a failure, which it does not explain", newWorld().fail(check.Refused, -1, "service.endpoint 10.2.0.3"), &facts.Webhook{Why: "strange"}, []string{"NL-SVC-ENDPOINT-REFUSES", "NL-API-WEBHOOK"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := diagnose.NewCase(&tt.world.facts, tt.world.results)
			if c.Webhook = tt.webhook; tt.webhook != nil {
				c.Webhook.Name, c.Webhook.Doing = "policy.example.com", "add a probe to pod/shop/client"
			}
			v := Registry.Diagnose(c)
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Fatalf("causes (-want +got):\n%s", diff)
			}
			if len(tt.causes) != 1 {
				return
			}
			f := v.Causes[0]
			if !strings.Contains(f.Headline, `"policy.example.com"`) || !strings.Contains(f.Likely, tt.likely) || strings.Join(f.Where, " ") != tt.where {
				t.Errorf("%q, likely %q, where %q", f.Headline, f.Likely, f.Where)
			}
			if want := "add a probe to pod/shop/client: " + tt.webhook.Why; f.Evidence[0] != want {
				t.Errorf("evidence %q, want %q", f.Evidence, want)
			}
		})
	}
}

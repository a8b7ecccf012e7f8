package inject

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestWebhookOf(t *testing.T) {
	const lead = `Internal error occurred: failed calling webhook "x.example": `
	for _, tt := range []struct {
		name, text string
		want       *facts.Webhook
	}{
		{"a service", lead + `failed to call webhook: Post "https://gone.shop.svc:443/?timeout=2s": service "gone" not found`,
			&facts.Webhook{URL: "https://gone.shop.svc:443/", Service: facts.Ref{Namespace: "shop", Name: "gone"}, Why: `service "gone" not found`}},
		{"of an older API server", lead + `Post "https://gone.shop.svc:443/mutate?timeout=10s": context deadline exceeded`,
			&facts.Webhook{URL: "https://gone.shop.svc:443/mutate", Service: facts.Ref{Namespace: "shop", Name: "gone"}, Why: "context deadline exceeded"}},
		{"outside the cluster", lead + `failed to call webhook: Post "https://judge.example.com/?timeout=10s": dial tcp: lookup judge.example.com: no such host`,
			&facts.Webhook{URL: "https://judge.example.com/", Why: "dial tcp: lookup judge.example.com: no such host"}},
		{"not even asked", lead + "could not get REST client: unable to load root certificates",
			&facts.Webhook{Why: "could not get REST client: unable to load root certificates"}},
		{"hostile", lead + "failed to call webhook: \x1b[2J", &facts.Webhook{Why: `\u001b[2J`}},
		{"it has answered, and refuses", `admission webhook "x.example" denied the request: no`, nil},
		{"something else", "Internal error occurred: etcdserver: leader changed", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want != nil {
				tt.want.Name, tt.want.Doing = "x.example", "make it"
			}
			if diff := cmp.Diff(tt.want, webhookOf(errors.New(tt.text), "make it")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

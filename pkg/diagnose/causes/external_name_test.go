package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func parsed(t *testing.T, typed string) target.Target {
	t.Helper()
	to, err := target.Parse(typed)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// An alias that leads nowhere is asked for by its name more often than as a service.
func TestAliasAskedByName(t *testing.T) {
	for _, tt := range []struct {
		name, kind, alias string
		failure           check.Failure
		both              bool // svc/legacy was asked about as well
		policy            string
		want              string
		confidence        diagnose.Confidence
	}{
		{"an address", "ExternalName", "198.51.100.10", check.NXDomain, false, "", "NL-SVC-EXTERNAL-NAME", diagnose.Certain},
		{"a name", "ExternalName", "db.example", check.NXDomain, false, "", "NL-SVC-EXTERNAL-NAME", diagnose.Likely},
		{"a pod that does not ask the cluster's DNS", "ExternalName", "db.example", check.NXDomain, false, "Default", "NL-DNS-NAME-UNKNOWN", diagnose.Likely},
		{"both asked for", "ExternalName", "198.51.100.10", check.NXDomain, true, "", "NL-SVC-EXTERNAL-NAME", diagnose.Certain},
		{"it resolves, and nobody answers", "ExternalName", "db.example", check.Timeout, false, "", "", 0},
		{"no alias", "ClusterIP", "", check.NXDomain, false, "", "NL-DNS-NAME-UNKNOWN", diagnose.Likely},
	} {
		w := newWorld()
		if tt.policy != "" {
			w.facts.Vantage.Pod.DNSPolicy = tt.policy
		}
		s := facts.Service{Namespace: "shop", Name: "legacy", Type: tt.kind, ExternalName: tt.alias}
		w.facts.Targets = []facts.Target{{Target: parsed(t, "http://legacy.shop"), Service: &s}}
		w.add("dns.search", "dns", "legacy.shop", "", "", 1)
		w.add("target.http", "target", "http://legacy.shop", "", "", 3)
		w.results[len(w.results)-1].Asked = "http://legacy.shop"
		w.fail(tt.failure, -1, "target.http")
		if tt.failure == check.NXDomain {
			w.fail(tt.failure, -1, "dns.search")
		}
		if tt.both {
			w.facts.Services = append(w.facts.Services, s)
			w.add("service.alias", "service", tt.alias, "service/shop/legacy", "service/shop/legacy", 0)
			w.fail(check.Config, -1, "service.alias")
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := strings.Join(codes(v.Causes), " "); got != tt.want || tt.want != "" && (v.Causes[0].Confidence != tt.confidence || len(v.Unexplained) > 0) {
			t.Errorf("%s: causes %q, unexplained %q, want %q", tt.name, got, v.Unexplained, tt.want)
		}
	}
}

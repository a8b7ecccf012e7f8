package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// TestNotSearched: a short name that no server was asked for as a service's, told from one
// that does not exist.
func TestNotSearched(t *testing.T) {
	const lacks, unknown = "its search list lacks that", "does not exist"
	for _, tt := range []struct{ target, search, want string }{
		{"web", "svc.cluster.local cluster.local", "in shop.svc.cluster.local: " + lacks},
		{"web", "shop.svc.k8s.test svc.k8s.test", "do not know service shop/web"},
		{"wbe", "shop.svc.k8s.test svc.k8s.test", unknown},
		{"wbe", "example.com", "in shop.svc.DOMAIN: " + lacks},
		{"web.shop", "other.svc.k8s.test", "in svc.k8s.test: " + lacks},
		{"example.org", "example.com", unknown},
		{"web.shop.svc", "example.com", "do not know service shop/web"},
		{"web", "", "do not know service shop/web"},
	} {
		w := newWorld().said("dns.search", client, check.Fail, check.NXDomain, "nxdomain", check.Evidence{Key: "search", Value: tt.search})
		w.results[len(w.results)-1].Target = tt.target
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if len(v.Causes) != 1 || v.Causes[0].Code != "NL-DNS-NAME-UNKNOWN" || !strings.Contains(v.Causes[0].Headline, tt.want) {
			t.Errorf("%s with search %q: %+v, want %q", tt.target, tt.search, v.Causes, tt.want)
		}
	}
}

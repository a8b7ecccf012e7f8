package checks

import (
	"net/netip"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestAsDenied(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  check.Status
		failure check.Failure
		who     string
		want    check.Status
		bad     check.Failure
	}{
		{"as a policy says", check.Fail, check.Timeout, "NetworkPolicy a/b", check.Warn, ""},
		{"no policy says so", check.Fail, check.Timeout, "", check.Fail, check.Timeout},
		{"nothing enforces it", check.Pass, "", "NetworkPolicy a/b", check.Pass, ""},
		{"no policy makes a bad certificate", check.Fail, check.TLS, "NetworkPolicy a/b", check.Fail, check.TLS},
	} {
		got := asDenied(check.Result{Status: tc.status, Failure: tc.failure}, tc.who, "that is fine")
		if got.Status != tc.want || got.Failure != tc.bad || (got.Meaning != "") != (tc.want == check.Warn) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestDeniedAPI(t *testing.T) {
	flow := func(verdict facts.PolicyVerdict) facts.PolicyFlow {
		f := facts.PolicyFlow{To: netip.MustParseAddrPort("172.30.0.10:6443"), Subject: "service/default/kubernetes"}
		f.Decision.Ingress.Verdict = facts.PolicyAllowed
		f.Decision.Egress = facts.PolicySide{Verdict: verdict, Silent: []facts.Ref{{Namespace: "shop", Name: "deny"}}}
		return f
	}
	f := &facts.Facts{API: facts.APIServer{Service: &facts.Service{Namespace: "default", Name: "kubernetes"}}}
	for _, tc := range []struct {
		name       string
		flows      []facts.PolicyFlow
		unenforced bool
		want       string
	}{
		{"no policy", nil, false, ""},
		{"all servers are denied", []facts.PolicyFlow{flow(facts.PolicyDenied), flow(facts.PolicyDenied)}, false, "NetworkPolicy shop/deny"},
		{"one is not", []facts.PolicyFlow{flow(facts.PolicyDenied), flow(facts.PolicyAllowed)}, false, ""},
		{"nothing enforces it", []facts.PolicyFlow{flow(facts.PolicyDenied)}, true, ""},
	} {
		f.Policies = facts.Policies{Flows: tc.flows, Unenforced: tc.unenforced}
		if got := deniedAPI(f); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

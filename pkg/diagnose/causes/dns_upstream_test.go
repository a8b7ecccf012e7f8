package causes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// asksOutside adds questions for a name outside the cluster, to each of its DNS servers
// and to those that CoreDNS forwards to, from the client and from node b, where one of
// the DNS servers is.
func asksOutside() *world {
	w := newWorld()
	w.facts.Ask.Names = []string{"example.com"}
	for _, ip := range []string{"10.1.0.53", "10.2.0.53", "10.96.0.10"} {
		w.add("dns.external", "dns", ip+" udp example.com", "", "", 2)
	}
	w.add("dns.trace", "dns", "example.com", "", "", 0)
	return w
}

func (w *world) upstream(server, vantage string, lost bool) *world {
	for _, network := range []string{"udp", "tcp"} {
		w.add("dns.upstream", "dns", server+" "+network, "", "service/kube-system/kube-dns", 2)
		r := &w.results[len(w.results)-1]
		r.Vantage = vantage
		if !lost {
			continue
		}
		r.Status, r.Failure = check.Warn, check.Timeout
		if vantage == client {
			r.Status = check.Skipped
		}
		for i := range r.Attempts {
			r.Attempts[i].Failure = check.Timeout
		}
	}
	return w
}

func (w *world) outsideFails(kind check.Failure) *world {
	return w.fail(kind, -1, "dns.external").fail(kind, 0, "dns.trace")
}

// resolved makes the name that was asked about one that resolves, by a query for this name.
func (w *world) resolved(name string) *world {
	for i := range w.results {
		if r := &w.results[i]; r.Check == "dns.trace" {
			r.Status, r.Failure = check.Pass, ""
			r.With("query 1", "%s A: NOERROR", name)
			r.With("IPv4", "%s", "192.0.2.1")
		}
	}
	return w
}

func TestUpstream(t *testing.T) {
	quiet := asksOutside().outsideFails(check.Timeout)
	quiet.facts.Ask.Names, quiet.facts.Ask.ExternalDefault = nil, true
	for i := range quiet.results {
		if quiet.results[i].Status == check.Fail {
			quiet.results[i].Status = check.Warn
		}
	}
	oneWorks := asksOutside().fail(check.Timeout, -1, "dns.external 10.1.0.53", "dns.external 10.96.0.10")
	for _, tt := range []struct {
		name       string
		world      *world
		causes     []string
		candidates []string
		confidence diagnose.Confidence
	}{
		{"all is well", asksOutside().upstream("192.0.2.53", client, false), nil, nil, 0},
		{"a pod is not let through, and names resolve", asksOutside().upstream("192.0.2.53", client, true), nil, nil, 0},
		{"no name outside resolves", asksOutside().outsideFails(check.Timeout), []string{"NL-DNS-UPSTREAM"}, nil, diagnose.Likely},
		{"and the servers do not answer the pod either", asksOutside().outsideFails(check.Timeout).upstream("192.0.2.53", client, true), []string{"NL-DNS-UPSTREAM"}, nil, diagnose.Likely},
		{"nor CoreDNS's node", asksOutside().outsideFails(check.Timeout).upstream("192.0.2.53", "node/b", true), []string{"NL-DNS-UPSTREAM"}, nil, diagnose.Certain},
		{"they answer CoreDNS's node", asksOutside().outsideFails(check.Timeout).upstream("192.0.2.53", "node/b", false), nil, []string{"NL-NODE-CONNTRACK-FULL", "NL-DNS-UPSTREAM"}, diagnose.Possible},
		{"they answer the pod", asksOutside().outsideFails(check.Timeout).upstream("192.0.2.53", client, false), nil, []string{"NL-NODE-CONNTRACK-FULL", "NL-DNS-UPSTREAM"}, diagnose.Possible},
		{"SERVFAIL may be the name's own", asksOutside().outsideFails(check.ServFail), nil, []string{"NL-DNS-UPSTREAM"}, diagnose.Possible},
		{"one of two is silent, and names resolve", asksOutside().upstream("192.0.2.53", "node/b", true).upstream("192.0.2.54", "node/b", false), []string{"NL-DNS-UPSTREAM"}, nil, diagnose.Certain},
		{"a site without a way out knows its own name", asksOutside().outsideFails(check.Timeout).resolved("pay.corp.example."), nil, []string{"NL-NODE-CONNTRACK-FULL"}, diagnose.Possible},
		{"the cluster's own name says nothing", asksOutside().outsideFails(check.Timeout).resolved("web.shop.svc.cluster.local."), []string{"NL-DNS-UPSTREAM"}, nil, diagnose.Likely},
		{"nobody asked about names outside", quiet, nil, []string{"NL-NODE-CONNTRACK-FULL"}, diagnose.Possible},
		{"one DNS server has an answer", oneWorks, nil, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			for _, f := range append(v.Causes, v.Candidates...) {
				if f.Confidence != tt.confidence {
					t.Errorf("%s: %s, want %s", f.Code, f.Confidence, tt.confidence)
				}
			}
		})
	}
}

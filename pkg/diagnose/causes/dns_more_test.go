package causes

import (
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// with adds a result from the vantage pod.
func (w *world) with(id, target, object string, status check.Status, failure check.Failure, evidence ...check.Evidence) *world {
	r := check.Result{TaskID: id + " " + target, Check: id, Vantage: "pod/shop/client", Status: status, Failure: failure, Summary: string(failure), Evidence: evidence,
		Label: check.Label{Area: "dns", Title: id, Target: target, Object: object}}
	if failure != "" {
		r.Attempts = []check.Attempt{{Failure: failure}, {Failure: failure}}
	}
	w.results = append(w.results, r)
	return w
}

// telling adds evidence to the results of a check.
func (w *world) telling(id, key string) *world {
	for i := range w.results {
		if w.results[i].Check == id {
			w.results[i].With(key, "so it is")
		}
	}
	return w
}

// ownDNS gives the vantage pod name servers and a search list of its own.
func (w *world) ownDNS() *world {
	w.facts.Vantage.Pod.DNSPolicy = "None"
	return w
}

// crashedDNS is a DNS service none of whose pods runs.
func (w *world) crashedDNS() *world {
	dns := w.facts.DNS.Service
	dns.Endpoints = nil
	dns.SelectedPods = []facts.Pod{{Namespace: "kube-system", Name: "coredns-1", Containers: []facts.Container{
		{Name: "coredns", Waiting: "CrashLoopBackOff", Restarts: 4, Ended: &facts.Ended{Reason: "Error", ExitCode: 1}}}}}
	return w.with("state.dns", "kube-system/kube-dns", "service/kube-system/kube-dns", check.Fail, check.NoEndpoint)
}

func TestMoreOfDNS(t *testing.T) {
	const mine = "pod/shop/client"
	for _, tt := range []struct {
		name, cause, where string
		confidence         diagnose.Confidence
		world              *world
	}{
		{"no server knows the cluster's names", "NL-DNS-ZONE", "service/kube-system/kube-dns", diagnose.Certain,
			newWorld().fail(check.NXDomain, -1, "dns.cluster")},
		{"one server of two does not: it is no question of the zone", "", "", 0,
			newWorld().fail(check.NXDomain, -1, "dns.cluster 10.2.0.53")},
		{"no server knows the cluster's names, and one that was replaced answered once through the service", "NL-DNS-ZONE", "service/kube-system/kube-dns", diagnose.Certain,
			newWorld().fail(check.NXDomain, 1, "dns.cluster 10.96.0.10 udp").fail(check.NXDomain, -1, "dns.cluster 10.96.0.10 tcp", "dns.cluster 10.1.0.53", "dns.cluster 10.2.0.53", "dns.cluster resolv.conf")},
		{"one of the servers knows them, now and then", "", "", 0,
			newWorld().fail(check.NXDomain, -1, "dns.cluster 10.96.0.10", "dns.cluster 10.1.0.53").fail(check.NXDomain, 1, "dns.cluster 10.2.0.53")},
		{"the pod's own dnsConfig names the zone that was asked for", "NL-DNS-ZONE", "service/kube-system/kube-dns", diagnose.Likely, newWorld().ownDNS().fail(check.NXDomain, -1, "dns.cluster")},
		{"the zone that was asked for is only assumed", "", "", 0, newWorld().fail(check.NXDomain, -1, "dns.cluster").telling("dns.cluster", "cluster domain")},
		{"the pod's own name server is silent", "NL-DNS-RESOLVER", mine, diagnose.Certain,
			newWorld().with("dns.resolver", "resolv.conf", "", check.Fail, check.Timeout).with("dns.external", "resolv.conf udp example.com", "", check.Warn, check.Timeout)},
		{"the pod's own name server is silent, and none of the cluster's", "NL-DNS-RESOLVER", mine, diagnose.Certain,
			newWorld().with("dns.resolver", "resolv.conf", "", check.Fail, check.Timeout, check.Evidence{Key: "10.96.0.10", Value: "answers, 1 ms"}, check.Evidence{Key: "192.0.2.53", Value: "timeout"})},
		{"the pod's own name server is the cluster's DNS, which is silent", "", "", 0,
			newWorld().with("dns.resolver", "resolv.conf", "", check.Fail, check.Timeout, check.Evidence{Key: "10.96.0.10", Value: "timeout"})},
		{"the hosts file has another address for a service", "NL-DNS-HOSTS", mine, diagnose.Certain,
			newWorld().with("dns.search", "web", "", check.Fail, check.WrongAnswer)},
		{"the hosts file has another address for a host that is silent", "NL-DNS-HOSTS", mine, diagnose.Likely,
			newWorld().with("dns.search", "db.example", "", check.Pass, "", check.Evidence{Key: "DNS says", Value: "192.0.2.7"}).with("target.tcp", "db.example:5432", "", check.Fail, check.Timeout)},
		{"the hosts file has another address for a host that answers", "", "", 0,
			newWorld().with("dns.search", "db.example", "", check.Pass, "", check.Evidence{Key: "DNS says", Value: "192.0.2.7"}).with("target.tcp", "db.example:5432", "", check.Pass, "")},
		{"DNS has another address for a service", "NL-DNS-WRONG-ANSWER", "10.96.0.10 udp A web = service/kube-system/kube-dns", diagnose.Certain,
			newWorld().with("dns.service", "10.96.0.10 udp A web", "service/kube-system/kube-dns", check.Fail, check.WrongAnswer)},
		{"the DNS servers crash", "NL-DNS-NO-SERVER", "service/kube-system/kube-dns", diagnose.Certain, newWorld().crashedDNS()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if tt.cause == "" {
				for _, f := range v.Causes {
					if slices.Contains([]string{"NL-DNS-ZONE", "NL-DNS-HOSTS", "NL-DNS-RESOLVER"}, f.Code) {
						t.Errorf("%s: %s", f.Code, f.Headline)
					}
				}
				return
			}
			if len(v.Causes) != 1 || len(v.Unexplained) > 0 {
				t.Fatalf("causes %q, unexplained %q", codes(v.Causes), v.Unexplained)
			}
			if f := v.Causes[0]; f.Code != tt.cause || f.Where[0] != tt.where || f.Confidence != tt.confidence {
				t.Errorf("%s, %s at %q", f.Code, f.Confidence, f.Where)
			}
		})
	}
}

// TestServiceByName: who does not ask the cluster's DNS is not told that it lags behind,
// and a name outside is no service's for beginning like one.
func TestServiceByName(t *testing.T) {
	byNode := newWorld()
	byNode.facts.Vantage.Pod.DNSPolicy = "Default"
	for _, tt := range []struct {
		name, target, headline string
		world                  *world
	}{
		{"the cluster's DNS is asked", "web.shop", "the DNS servers do not know service shop/web, which exists", newWorld()},
		{"it is, with the whole name", "web.shop.svc.cluster.local", "the DNS servers do not know service shop/web, which exists", newWorld()},
		{"it is not", "web.shop", "pod/shop/client does not ask the cluster's DNS, which alone knows service shop/web", byNode},
		{"a name outside", "web.shop.example", "the name web.shop.example does not exist", newWorld()},
	} {
		w := tt.world.with("dns.search", tt.target, "", check.Fail, check.NXDomain)
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if len(v.Causes) != 1 || v.Causes[0].Headline != tt.headline {
			t.Errorf("%s: %+v", tt.name, v.Causes)
		}
	}
}

// TestWrongAnswerSaysTheName: of the name that was asked for, not of the question's label.
func TestWrongAnswerSaysTheName(t *testing.T) {
	w := newWorld().with("dns.service", "10.96.0.10 udp A web", "service/kube-system/kube-dns", check.Fail, check.WrongAnswer, check.Evidence{Key: "name", Value: "web.shop.svc.cluster.local."})
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	const want = "DNS leads web.shop.svc.cluster.local to an address that is not its own"
	if len(v.Causes) != 1 || v.Causes[0].Headline != want {
		t.Errorf("causes %+v, want %q", v.Causes, want)
	}
}

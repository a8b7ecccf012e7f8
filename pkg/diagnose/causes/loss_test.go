package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// asked adds questions to the DNS server on node b.
func (w *world) asked(id, target string, times, lost int) *world {
	w.add(id, "dns", target, "pod/kube-system/dns-1", "", times)
	return w.fail(check.Timeout, lost, id+" "+target)
}

// alias adds an ExternalName service.
func (w *world) alias() *world {
	w.facts.Services = append(w.facts.Services, facts.Service{Namespace: "shop", Name: "legacy", Type: "ExternalName", ExternalName: "db.example"})
	return w
}

// TestLossOfAll: where packets get lost, all of few attempts may be among them. A port
// that answers others is not dead, and not without loss either.
func TestLossOfAll(t *testing.T) {
	lossy := func() *world {
		return newWorld().loss("10.1.0.2", 0, 0).loss("10.2.0.2", 3, 1).loss("10.2.0.3", 3, 3)
	}
	// Of four attempts three were lost, and one was told that there is no such record.
	saidNo := func() *world {
		w := lossy().asked("dns.service", "10.2.0.53 udp A api", 10, 0).asked("dns.external", "10.2.0.53 udp AAAA", 4, 3)
		w.results[len(w.results)-1].Attempts[3].Failure = check.NoData
		return w
	}
	for name, tt := range map[string]struct {
		world *world
		want  bool
	}{
		"three of four, and the fourth has no record": {saidNo(), true},
		"two of two, and the port answers others":     {lossy().asked("dns.service", "10.2.0.53 udp A web", 2, -1).asked("dns.service", "10.2.0.53 udp A api", 10, 0), true},
		"no other packet to it is lost":               {lossy().asked("dns.service", "10.2.0.53 udp A web", 12, 0), false},
		"a port that never answers":                   {newWorld().loss("10.1.0.2", 0, 0).fail(check.Timeout, -1, "dns.cluster 10.2.0.53 udp"), false},
		"a service that is an alias of such a name":   {newWorld().alias().asked("dns.service", "10.2.0.53 udp A legacy", 4, -1).asked("dns.service", "10.2.0.53 udp A web", 10, 0), false},
		"names that another server should answer":     {newWorld().asked("dns.external", "10.2.0.53 udp example.com", 4, -1).asked("dns.service", "10.2.0.53 udp A web", 10, 0), false},
	} {
		found := findLoss(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if (len(found) == 1) != tt.want {
			t.Errorf("%s: want %v, got %+v", name, tt.want, found)
		}
	}
}

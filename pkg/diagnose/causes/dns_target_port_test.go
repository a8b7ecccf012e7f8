package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// TestDNSTargetPort: servers that leave out TCP, or a policy that rejects it, are no wrong
// port as long as UDP is answered there.
func TestDNSTargetPort(t *testing.T) {
	refusing := func() *world {
		return newWorld().fail(check.Refused, -1, "dns.cluster 10.1.0.53 tcp", "dns.cluster 10.2.0.53 tcp", "dns.cluster 10.96.0.10 tcp")
	}
	for name, tt := range map[string]struct {
		world *world
		want  bool
	}{
		"UDP is answered":          {refusing(), false},
		"UDP is answered, by a no": {refusing().fail(check.NXDomain, -1, "dns.cluster 10.1.0.53 udp", "dns.cluster 10.2.0.53 udp"), false},
		"UDP is not":               {refusing().fail(check.Timeout, -1, "dns.cluster 10.1.0.53 udp", "dns.cluster 10.2.0.53 udp"), true},
	} {
		// Two servers at once do not lose their process by chance.
		found := dnsTargetPort(diagnose.NewCase(&tt.world.facts, tt.world.results))
		if (len(found) == 1) != tt.want {
			t.Errorf("%s: want %v, got %+v", name, tt.want, found)
		}
	}
}

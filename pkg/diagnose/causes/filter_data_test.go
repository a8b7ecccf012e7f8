package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestDataDropsForOthers: a rule that strangers feed did not drop our data.
func TestDataDropsForOthers(t *testing.T) {
	port := func(n uint16) facts.Ports { return facts.Ports{First: n, Last: n} }
	for name, tt := range map[string]struct {
		match facts.Match
		want  diagnose.Confidence
	}{
		"scanners":                 {facts.Match{Protocol: "tcp", DstPort: port(22)}, 0},
		"pings":                    {facts.Match{Protocol: "icmp"}, 0},
		"another pod":              {facts.Match{Dst: "10.2.0.2/32"}, 0},
		"ours":                     {facts.Match{Dst: "10.2.0.3/32", DstPort: port(8080)}, diagnose.Likely},
		"ours, of so many bytes":   {facts.Match{Dst: "10.2.0.3/32", Others: []string{"payload"}}, diagnose.Likely},
		"a device off the way":     {facts.Match{In: "wan0"}, diagnose.Possible},
		"a device that is on it":   {facts.Match{In: "flannel.1"}, diagnose.Likely},
		"anything":                 {facts.Match{}, diagnose.Likely},
		"what a tunnel is made of": {facts.Match{Protocol: "udp", DstPort: port(8472)}, diagnose.Likely},
	} {
		d := counted("prerouting", tt.match)
		w := newWorld().undelivered("10.2.0.3", -1).opened().rule("b", d).read("b", "node.bridge", check.Pass, "ports").kernel("node.bridge b", facts.Kernel{Links: nodeDevices()})
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"b": {d.Counter(): 12}}
		found := dataDrops(c)
		if tt.want == 0 && len(found) > 0 || tt.want != 0 && (len(found) != 1 || found[0].Confidence != tt.want) {
			t.Errorf("%s: want %v, got %+v", name, tt.want, found)
		}
	}
}

// TestDataDropsNamed: a rule that names one of two has dropped the data of that one.
func TestDataDropsNamed(t *testing.T) {
	d := counted("forward", facts.Match{Dst: "10.2.0.3/32"})
	flows := [][2]string{{"10.2.0.2:8080", "10.2.0.2:8080"}, {"10.2.0.2:8080", "10.2.0.2:8080"}, {"10.2.0.3:8080", "10.2.0.3:8080"}}
	w := newWorld().undelivered("10.2.0.2", -1).undelivered("10.2.0.3", -1).deep().tracks("b").flows("b", flows...).answered("b").rule("b", d)
	c := diagnose.NewCase(&w.facts, w.results)
	c.Moved = moved{"b": {d.Counter(): 4}} // too few for three
	const want = "a packet filter rule on node b drops the data of connections to 10.2.0.3:8080: inet guard c handle 7"
	if found := dataDrops(c); len(found) != 1 || found[0].Headline != want {
		t.Errorf("%+v", found)
	}
}

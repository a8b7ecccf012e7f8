package causes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// undelivered makes connections to an endpoint open, and what they carry be lost; lost of
// its attempts, -1 for all.
func (w *world) undelivered(ip string, lost int) *world {
	w.fail(check.Undelivered, lost, "service.endpoint "+ip)
	for i := range w.results {
		if r := &w.results[i]; r.TaskID == "service.endpoint "+ip+":8080" {
			for j := range r.Attempts {
				r.Attempts[j].RTT = check.Duration(2 * time.Second)
			}
			r.With("undelivered", "the request is never acknowledged")
		}
	}
	return w.fail(check.Undelivered, 2, "service.vip")
}

// halfOpen adds that the peer did not take the handshake for complete.
func (w *world) halfOpen() *world {
	for i := range w.results {
		if r := &w.results[i]; value(*r, "undelivered") != "" {
			r.With("handshake", "the peer repeats its SYN-ACK")
		}
	}
	return w
}

// opened adds repeated connections that both nodes hold as answered.
func (w *world) opened() *world {
	flows := [][2]string{{"10.2.0.3:8080", "10.2.0.3:8080"}, {"10.2.0.3:8080", "10.2.0.3:8080"}, {"10.2.0.3:8080", "10.2.0.3:8080"}}
	return w.deep().flows("a", append(flows, [2]string{"10.96.0.80:80", "10.2.0.3:8080"})...).tracks("a").answered("a").flows("b", flows...).tracks("b").answered("b")
}

func TestDataLost(t *testing.T) {
	const rule = "filter.inet guard c handle 7"
	lost := func() *world { return newWorld().undelivered("10.2.0.3", -1) }
	hasty := lost()
	for i := range hasty.results {
		for j := range hasty.results[i].Attempts {
			hasty.results[i].Attempts[j].RTT = check.Duration(900 * time.Millisecond)
		}
	}
	mtu := lost().fail(check.MTU, -1, "path.mtu 10.2.0.3")
	for _, tt := range []struct {
		name       string
		world      *world
		moved      moved
		causes     []string
		confidence diagnose.Confidence
		candidates []string
		evidence   string // in a line of the first cause's
	}{
		{"requests are not acknowledged", lost(), nil, []string{"NL-PATH-DATA-LOST"}, diagnose.Likely, nil, "path path.mtu 10.2.0.2: well: it is not the size of the packets alone"},
		{"requests are acknowledged", newWorld().fail(check.Silent, -1, "service.endpoint 10.2.0.3").fail(check.Silent, 2, "service.vip"), nil, []string{"NL-APP-HUNG"}, diagnose.Likely, nil, "silent"},
		{"it may be an accept queue that is full", lost().halfOpen(), nil, nil, 0, []string{"NL-APP-HUNG", "NL-PATH-DATA-LOST"}, ""},
		{"nobody waited long enough to tell a full accept queue", hasty, nil, nil, 0, []string{"NL-APP-HUNG", "NL-PATH-DATA-LOST"}, ""},
		{"now and then", newWorld().undelivered("10.2.0.3", 1), nil, nil, 0, []string{"NL-PATH-DATA-LOST"}, ""},
		{"it is the size", mtu, nil, []string{"NL-PATH-MTU-BLACKHOLE"}, diagnose.Certain, nil, "mtu"},
		{"a rule counted them", lost().opened().drops("b", "forward", true), moved{"b": {rule: 12}}, []string{"NL-NODE-FILTER-DROP"}, diagnose.Likely, nil, "its counter grew by 12 while the failing checks were repeated"},
		{"a rule of the own node", lost().opened().drops("a", "postrouting", true), moved{"a": {rule: 12}}, []string{"NL-NODE-FILTER-DROP"}, diagnose.Likely, nil, "4 of our connections opened through node a, and their data were lost"},
		{"a rule counted them, behind a handshake that is not complete", lost().halfOpen().opened().drops("b", "forward", true), moved{"b": {rule: 12}}, []string{"NL-NODE-FILTER-DROP"}, diagnose.Likely, nil, ""},
		{"either of two rules", lost().opened().drops("a", "forward", true).drops("b", "forward", true), moved{"a": {rule: 12}, "b": {rule: 12}}, []string{"NL-NODE-FILTER-DROP"}, diagnose.Likely, nil, "or inet guard c handle 7 on node/b, whose counter grew as well"},
		{"a rule counted less than was lost", lost().opened().drops("b", "forward", true), moved{"b": {rule: 5}}, []string{"NL-PATH-DATA-LOST"}, diagnose.Likely, nil, ""},
		{"a rule for what the node itself takes in", lost().opened().drops("b", "input", true), moved{"b": {rule: 12}}, []string{"NL-PATH-DATA-LOST"}, diagnose.Likely, nil, "no rule on node b that counts what it drops counted them"},
		{"a rule that counts nothing", lost().opened().drops("b", "forward", false), moved{"b": {}}, []string{"NL-PATH-DATA-LOST"}, diagnose.Likely, nil, "rules or policies on node b that drop, and count nothing: 1, such as inet guard c handle 7"},
		{"a rule counts, and the application hangs", newWorld().fail(check.Silent, -1, "service.endpoint 10.2.0.3").fail(check.Silent, 2, "service.vip").opened().drops("b", "forward", true), moved{"b": {rule: 12}}, []string{"NL-APP-HUNG"}, diagnose.Likely, nil, ""},
		{"a rule counts, and all is well", newWorld().opened().drops("b", "forward", true), moved{"b": {rule: 12}}, nil, 0, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := diagnose.NewCase(&tt.world.facts, tt.world.results)
			c.Moved = tt.moved
			v := Registry.Diagnose(c)
			if diff := cmp.Diff(tt.causes, codes(v.Causes)); diff != "" {
				t.Fatalf("causes (-want +got):\n%s\n%+v", diff, v.Causes)
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" || len(v.Candidates) != len(tt.candidates) || len(v.Unexplained) > 0 {
				t.Errorf("candidates (-want +got):\n%s\n%d of them, unexplained: %q", diff, len(v.Candidates), v.Unexplained)
			}
			if len(v.Causes) == 0 {
				return
			}
			f := v.Causes[0]
			if f.Confidence != tt.confidence || !slices.ContainsFunc(f.Evidence, func(line string) bool { return strings.Contains(line, tt.evidence) }) {
				t.Errorf("%s %q, want %s and %q", f.Confidence, f.Evidence, tt.confidence, tt.evidence)
			}
		})
	}
}

// A name server whose TCP loses data, and that hangs over neither, is the way's too.
func TestDataLostOverDNS(t *testing.T) {
	w := newWorld().fail(check.Undelivered, -1, "dns.cluster 10.2.0.53 tcp")
	for i := range w.results {
		for j := range w.results[i].Attempts {
			if a := &w.results[i].Attempts[j]; a.Failure != "" {
				a.RTT = check.Duration(2 * time.Second)
			}
		}
	}
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if got := codes(v.Causes); !slices.Equal(got, []string{"NL-PATH-DATA-LOST"}) {
		t.Errorf("%q", got)
	}
	w.facts.DNS.Service.Endpoints = []facts.Endpoint{w.facts.DNS.Service.Endpoints[1]}
	w.fail(check.Timeout, -1, "dns.cluster 10.2.0.53 udp").loss("10.2.0.53", 0, 0)
	v = Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if got := codes(v.Causes); !slices.Equal(got, []string{"NL-DNS-NO-ANSWER"}) || strings.Contains(v.Causes[0].Likely, "hangs") {
		t.Errorf("%q %+v", got, v.Causes)
	}
}

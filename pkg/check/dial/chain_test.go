package dial

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// serveZone answers a name with its records, and one without any with NXDOMAIN.
func serveZone(zone map[string][]string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		rrs, known := zone[q.Question[0].Name]
		if hidden, ok := zone["CNAME "+q.Question[0].Name]; ok {
			known = true
			if q.Question[0].Qtype == dns.TypeCNAME {
				rrs = hidden
			}
		}
		m := withRecords(q, rrs...)
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	}
}

func TestFollow(t *testing.T) {
	long := map[string][]string{}
	for i := range 30 {
		long[fmt.Sprintf("n%d.test.", i)] = []string{fmt.Sprintf("n%d.test. CNAME n%d.test.", i, i+1)}
	}
	long["a.test."] = []string{"a.test. CNAME n0.test."}
	for _, tt := range []struct {
		name string
		zone map[string][]string
		kind check.Failure
		want Chain
	}{
		{"no alias", map[string][]string{"a.test.": {"a.test. A 10.0.0.1"}}, "", Chain{Names: []string{"a.test."}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}},
		{"a whole chain in one answer", map[string][]string{"a.test.": {"b.test. CNAME c.test.", "a.test. CNAME B.test.", "c.test. A 10.0.0.1"}}, "",
			Chain{Names: []string{"a.test.", "b.test.", "c.test."}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}},
		{"a link an answer", map[string][]string{"a.test.": {"a.test. CNAME b.test."}, "b.test.": {"b.test. CNAME c.test."}, "c.test.": {"c.test. A 10.0.0.1"}}, "",
			Chain{Names: []string{"a.test.", "b.test.", "c.test."}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}},
		{"to nowhere", map[string][]string{"a.test.": {"a.test. CNAME b.test."}}, check.NXDomain, Chain{Names: []string{"a.test.", "b.test."}}},
		{"to a name without an address", map[string][]string{"a.test.": {"a.test. CNAME b.test."}, "b.test.": {}}, check.NoData, Chain{Names: []string{"a.test.", "b.test."}}},
		{"a loop over answers", map[string][]string{"a.test.": {"a.test. CNAME b.test."}, "b.test.": {"b.test. CNAME a.test."}}, check.Config, Chain{Names: []string{"a.test.", "b.test.", "a.test."}, Loop: true}},
		{"itself", map[string][]string{"a.test.": {"a.test. CNAME a.test."}}, check.Config, Chain{Names: []string{"a.test.", "a.test."}, Loop: true}},
		{"a loop that the server hides", map[string][]string{"CNAME a.test.": {"a.test. CNAME b.test."}, "CNAME b.test.": {"b.test. CNAME a.test."}}, check.Config, Chain{Names: []string{"a.test.", "b.test.", "a.test."}, Loop: true}},
		{"a foreign record", map[string][]string{"a.test.": {"x.test. CNAME y.test."}}, check.NoData, Chain{Names: []string{"a.test."}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serveDNS(t, "127.0.0.1", serveZone(tt.zone), nil)
			got, err := Follow(within(t, time.Second), Question{Server: server, Network: "udp", Name: "A.test"})
			if kind := KindOf(err, server); kind != tt.kind || err != nil && kind == "" {
				t.Errorf("got %q (%v), want %q", kind, err, tt.kind)
			}
			got.Addrs = dedupe(got.Addrs)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	server := serveDNS(t, "127.0.0.1", serveZone(long), nil)
	if got, err := Follow(within(t, time.Second), Question{Server: server, Network: "udp", Name: "a.test"}); KindOf(err, server) != check.Config || got.Loop || len(got.Names) != maxChain+1 {
		t.Errorf("a chain without end: %v, %d names", err, len(got.Names))
	}
	server = serveDNS(t, "127.0.0.1", mute, nil)
	if _, err := Follow(within(t, 100*time.Millisecond), Question{Server: server, Network: "udp", Name: "a.test"}); KindOf(err, server) != check.Timeout {
		t.Errorf("a silent server: %v", err)
	}
}

// dedupe: the zones above give the A record for AAAA too.
func dedupe(addrs []netip.Addr) []netip.Addr {
	if len(addrs) > 1 {
		return addrs[:1]
	}
	return addrs
}

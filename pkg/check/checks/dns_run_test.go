package checks

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// zone answers for the names it has: "name TYPE" to records; what is missing exists
// with no data when another type of the name is there, else not at all.
type zone map[string]string

func (z zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	name := q.Question[0].Name
	a, hasA := z[name+" A"]
	aaaa, hasAAAA := z[name+" AAAA"]
	switch qtype := q.Question[0].Qtype; {
	case !hasA && !hasAAAA:
		m.Rcode = dns.RcodeNameError
	case qtype == dns.TypeA && a != "":
		m.Answer = append(m.Answer, rr(name+" A "+a))
	case qtype == dns.TypeAAAA && aaaa != "":
		m.Answer = append(m.Answer, rr(name+" AAAA "+aaaa))
	}
	_ = w.WriteMsg(m)
}

func rr(text string) dns.RR {
	record, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return record
}

// serveDNS answers over UDP at each of the addresses, all at one port.
func serveDNS(t *testing.T, handlers map[string]dns.Handler) uint16 {
	t.Helper()
	port := "0"
	for host, h := range handlers {
		pc, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(pc.LocalAddr().String())
		started := make(chan struct{})
		s := &dns.Server{PacketConn: pc, Handler: h, NotifyStartedFunc: func() { close(started) }}
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return netip.MustParseAddrPort("127.0.0.1:" + port).Port()
}

var mute = dns.HandlerFunc(func(dns.ResponseWriter, *dns.Msg) {})

func writeResolvConf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const shopConf = "search shop.svc.k8s.test svc.k8s.test k8s.test\nnameserver 127.0.0.1\noptions ndots:5\n"

func TestDNSRun(t *testing.T) {
	names := zone{
		"kubernetes.default.svc.k8s.test. A":      "10.96.0.1",
		"kubernetes.default.svc.cluster.local. A": "10.96.0.1",
		"v4.test. A": "192.0.2.1", "v6.test. AAAA": "2001:db8::1",
	}
	api := []netip.Addr{ip("10.96.0.1")}
	cluster := dnsParams{Network: "udp", Name: "kubernetes.default.svc", InCluster: true, Types: []string{"A"}, Want: api}
	with := func(p dnsParams, change func(*dnsParams)) dnsParams { change(&p); return p }
	tests := []struct {
		name    string
		conf    string
		p       dnsParams
		dead    bool // the server says nothing
		status  check.Status
		failure check.Failure
		key     string // evidence, or "summary"
		value   string
	}{
		{"resolv.conf's server and domain", shopConf, cluster, false, check.Pass, "", "name", "kubernetes.default.svc.k8s.test."},
		{"answer", shopConf, cluster, false, check.Pass, "", "A", "10.96.0.1"},
		{"silent", shopConf, cluster, true, check.Fail, check.Timeout, "summary", "timeout 2 of 2 after"},
		{"nobody knows the domain", "nameserver 127.0.0.1\n", cluster, false, check.Pass, "", "cluster domain", "assumption"},
		{"the API knows the domain", "nameserver 127.0.0.1\n", with(cluster, func(p *dnsParams) { p.Domain = "k8s.test" }), false, check.Pass, "", "name", "kubernetes.default.svc.k8s.test."},
		{"a name missing in an assumed domain is a warning", "nameserver 127.0.0.1\n", with(cluster, func(p *dnsParams) { p.Name = "x.y.svc" }), false, check.Warn, check.NXDomain, "cluster domain", "assumption"},
		{"no such name", shopConf, with(cluster, func(p *dnsParams) { p.Name = "x.y.svc" }), false, check.Fail, check.NXDomain, "name", "x.y.svc.k8s.test."},
		{"another address than the API's", shopConf, with(cluster, func(p *dnsParams) { p.Want = []netip.Addr{ip("10.96.0.99")} }), false, check.Fail, check.WrongAnswer, "summary", "answers 10.96.0.1, but the API says 10.96.0.99"},
		{"no AAAA where one must be", shopConf, with(cluster, func(p *dnsParams) { p.Types = []string{"AAAA"} }), false, check.Fail, check.NoData, "", ""},
		{"no AAAA where none need be", shopConf, with(cluster, func(p *dnsParams) { p.Types, p.Optional = []string{"AAAA"}, true }), false, check.Pass, "", "record", "fine here"},
		{"an IPv4-only outside name", shopConf, dnsParams{Network: "udp", Name: "v4.test", Types: []string{"A", "AAAA"}}, false, check.Pass, "", "A", "192.0.2.1"},
		{"an IPv6-only outside name", shopConf, dnsParams{Network: "udp", Name: "v6.test", Types: []string{"A", "AAAA"}}, false, check.Pass, "", "AAAA", "2001:db8::1"},
		{"an outside name nobody asked about", shopConf, dnsParams{Network: "udp", Name: "no.test", Types: []string{"A", "AAAA"}, Soft: true}, false, check.Warn, check.NXDomain, "", ""},
		{"no nameserver", "search a\n", cluster, false, check.Fail, check.Config, "", ""},
		{"a pod with name servers of its own", "nameserver 127.0.0.1\n", with(cluster, func(p *dnsParams) { p.OwnDNS = true }), false, check.Skipped, "", "", ""},
		{"the second server is dead", "search svc.k8s.test\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n", cluster, false, check.Warn, check.Timeout, "A from 127.0.0.2", "timeout"},
		{"the first of two servers is dead", "search svc.k8s.test\nnameserver 127.0.0.2\nnameserver 127.0.0.1\n", cluster, false, check.Fail, check.Timeout, "A from 127.0.0.2", "timeout"},
		{"the second server is another network's", "search svc.k8s.test\nnameserver 127.0.0.1\nnameserver 127.0.0.3\n", cluster, false, check.Warn, check.NXDomain, "A from 127.0.0.3", "nxdomain"},
		{"an outside name of the hosts file", shopConf, dnsParams{Network: "udp", Name: "alias.test", Types: []string{"A", "AAAA"}}, false, check.Skipped, "", "summary", "192.0.2.44 for it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h dns.Handler = names
			if tt.dead {
				h = mute
			}
			hosts := writeResolvConf(t, "192.0.2.44 alias.test kubernetes.default.svc.k8s.test\n")
			probe := dnsProbe{writeResolvConf(t, tt.conf), hosts, serveDNS(t, map[string]dns.Handler{"127.0.0.1": h, "127.0.0.2": mute, "127.0.0.3": zone{}})}
			r := runOf(t, func(task check.Task) check.Result { return probe.run(t.Context(), task, tt.p) }, 2, 300*time.Millisecond)
			if r.Status != tt.status || r.Failure != tt.failure {
				t.Errorf("got %s %q (%s), want %s %q", r.Status, r.Failure, r.Summary, tt.status, tt.failure)
			}
			got := told(r, tt.key)
			if tt.key == "summary" {
				got = r.Summary
			}
			if !strings.Contains(got, tt.value) {
				t.Errorf("%s: %q, want %q", tt.key, got, tt.value)
			}
		})
	}
}

func TestCandidates(t *testing.T) {
	conf := &facts.ResolvConf{Search: []string{"shop.svc.k8s.test", "svc.k8s.test."}, Ndots: 5}
	for _, tt := range []struct {
		name  string
		ndots int
		want  string
	}{
		{"api", 5, "api.shop.svc.k8s.test. api.svc.k8s.test. api."},
		{"example.com", 5, "example.com.shop.svc.k8s.test. example.com.svc.k8s.test. example.com."},
		{"example.com", 1, "example.com. example.com.shop.svc.k8s.test. example.com.svc.k8s.test."},
		{"example.com.", 5, "example.com."},
	} {
		conf.Ndots = tt.ndots
		if diff := cmp.Diff(tt.want, strings.Join(candidates(tt.name, conf), " ")); diff != "" {
			t.Errorf("%s with ndots %d: %s", tt.name, tt.ndots, diff)
		}
	}
}

func TestDNSSearch(t *testing.T) {
	names := zone{"kubernetes.default.svc.k8s.test. A": "10.96.0.1", "example.com. A": "192.0.2.1"}
	servfail := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
	})
	// A works, AAAA is lost: applications wait for both.
	halfDead := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Qtype == dns.TypeA {
			names.ServeDNS(w, q)
		}
	})
	tests := []struct {
		name          string
		conf          string
		p             searchParams
		first, second dns.Handler
		status        check.Status
		failure       check.Failure
		summary       string
		asked         string
	}{
		{"second name of the list", shopConf, searchParams{Name: "kubernetes.default", InCluster: true}, names, mute, check.Pass, "",
			"found with name 2 of 4, 4 queries", "kubernetes.default.shop.svc.k8s.test.: nxdomain; kubernetes.default.svc.k8s.test."},
		{"an outside name costs the whole list", shopConf, searchParams{Name: "example.com"}, names, mute, check.Pass, "",
			"found with name 4 of 4, 8 queries", "example.com.k8s.test.: nxdomain; example.com."},
		{"nowhere", shopConf, searchParams{Name: "nobody", InCluster: true}, names, mute, check.Fail, check.NXDomain, "nxdomain", ""},
		{"no search list", "nameserver 127.0.0.1\n", searchParams{Name: "kubernetes.default", InCluster: true}, names, mute, check.Fail, check.Config, "short names cannot resolve", ""},
		{"no search list, by the pod's own wish", "nameserver 127.0.0.1\n", searchParams{Name: "kubernetes.default", InCluster: true, OwnDNS: true}, names, mute, check.Skipped, "", "", ""},
		{"dead server", shopConf, searchParams{Name: "kubernetes.default", InCluster: true}, mute, mute, check.Fail, check.Timeout, "timeout after", ""},
		{"SERVFAIL", shopConf, searchParams{Name: "kubernetes.default", InCluster: true}, servfail, mute, check.Fail, check.ServFail, "servfail", ""},
		{"AAAA is lost", shopConf, searchParams{Name: "kubernetes.default", InCluster: true}, halfDead, mute, check.Fail, check.Timeout, "timeout after", ""},
		{"the first of two servers is dead", shopConf + "nameserver 127.0.0.2\n", searchParams{Name: "kubernetes.default", InCluster: true}, mute, names, check.Warn, check.Timeout, "after 1 of 2 name servers did not answer", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			probe := dnsProbe{writeResolvConf(t, tt.conf), "", serveDNS(t, map[string]dns.Handler{"127.0.0.1": tt.first, "127.0.0.2": tt.second})}
			start := time.Now()
			r := runOf(t, func(task check.Task) check.Result { return probe.search(t.Context(), task, tt.p) }, 1, 600*time.Millisecond)
			if took := time.Since(start); took > 1500*time.Millisecond {
				t.Errorf("took %s", took)
			}
			if r.Status != tt.status || r.Failure != tt.failure || !strings.Contains(r.Summary, tt.summary) {
				t.Errorf("got %s %q (%s), want %s %q (%s)", r.Status, r.Failure, r.Summary, tt.status, tt.failure, tt.summary)
			}
			if asked := told(r, "asked"); !strings.Contains(asked, tt.asked) {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
		})
	}
}

func TestLookupHosts(t *testing.T) {
	path := writeResolvConf(t, "# 192.0.2.9 api\n127.0.0.1 localhost\n192.0.2.1 Api api.test # the API\nnonsense api2\n")
	for name, want := range map[string]string{"api": "192.0.2.1", "API.test.": "192.0.2.1", "localhost": "127.0.0.1", "api2": "", "the": "", "nobody": ""} {
		if got := lookupHosts(path, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := lookupHosts("/does/not/exist", "api"); got != "" {
		t.Error(got)
	}
}

func TestDNSRunUsesNewPorts(t *testing.T) {
	var seen atomic.Int32
	ports := make(chan string, 10)
	names := zone{"a.test. A": "192.0.2.1"}
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		seen.Add(1)
		ports <- w.RemoteAddr().String()
		names.ServeDNS(w, q)
	})
	probe := dnsProbe{writeResolvConf(t, "nameserver 127.0.0.1\n"), "", serveDNS(t, map[string]dns.Handler{"127.0.0.1": h})}
	runOf(t, func(task check.Task) check.Result {
		return probe.run(t.Context(), task, dnsParams{Network: "udp", Name: "a.test", Types: []string{"A"}})
	}, 4, time.Second)
	if seen.Load() != 4 {
		t.Fatalf("%d queries", seen.Load())
	}
	distinct := map[string]bool{}
	for range 4 {
		distinct[<-ports] = true
	}
	// The kernel chooses at random, and may choose a free port again.
	if len(distinct) < 3 {
		t.Errorf("only %d source ports", len(distinct))
	}
}

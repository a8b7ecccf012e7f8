package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestTrace(t *testing.T) {
	z := zone{"web.shop.svc.cluster.local. A": "10.96.0.80", "example.com. A": "192.0.2.7", "example.com. AAAA": "2001:db8::7"}
	port := serveDNS(t, map[string]dns.Handler{"127.0.0.1": z})
	conf := writeResolvConf(t, "nameserver 127.0.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n")
	probe := dnsProbe{resolvConf: conf, hosts: "/dev/null", port: port}
	task := check.Task{Timeout: check.Duration(2 * time.Second)}
	for _, tt := range []struct {
		name    string
		status  check.Status
		failure check.Failure
		summary string
		queries []string
		unsent  string
	}{
		{"web", check.Pass, "", "resolves with name 1 of 4, 2 queries", []string{"web.shop.svc.cluster.local. A: answered 10.96.0.80", "web.shop.svc.cluster.local. AAAA: nodata"}, "web.svc.cluster.local. web.cluster.local. web.: the answer came before"},
		{"example.com", check.Pass, "", "resolves with name 4 of 4, 8 queries", []string{
			"example.com.shop.svc.cluster.local. A: nxdomain", "example.com.shop.svc.cluster.local. AAAA: nxdomain", "example.com.svc.cluster.local. A: nxdomain", "example.com.svc.cluster.local. AAAA: nxdomain",
			"example.com.cluster.local. A: nxdomain", "example.com.cluster.local. AAAA: nxdomain", "example.com. A: answered 192.0.2.7", "example.com. AAAA: answered 2001:db8::7"}, ""},
		{"example.com.", check.Pass, "", "resolves with name 1 of 1, 2 queries", []string{"example.com. A: answered 192.0.2.7", "example.com. AAAA: answered 2001:db8::7"}, ""},
		{"gone.", check.Fail, check.NXDomain, "no name of 1 has an address, after 2 queries", []string{"gone. A: nxdomain", "gone. AAAA: nxdomain"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := probe.trace(t.Context(), task, traceParams{Name: tt.name})
			var queries []string
			for _, e := range r.Evidence {
				if strings.HasPrefix(e.Key, "query ") {
					text, _, _ := strings.Cut(e.Value, ", ")
					queries = append(queries, text)
				}
			}
			if diff := cmp.Diff(tt.queries, queries); diff != "" {
				t.Errorf("queries (-want +got):\n%s", diff)
			}
			if r.Status != tt.status || r.Failure != tt.failure || r.Summary != tt.summary || told(r, "not sent") != tt.unsent {
				t.Errorf("%s %s %q, not sent: %q", r.Status, r.Failure, r.Summary, told(r, "not sent"))
			}
		})
	}
	storm := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\nsearch a.example b.example c.example d.example e.example\noptions ndots:5\n"), hosts: "/dev/null", port: port}
	if r := storm.trace(t.Context(), task, traceParams{Name: "example.com"}); r.Status != check.Warn || r.Failure != check.Config || r.Summary != "resolves with query 11: 10 before it found nothing" {
		t.Errorf("a long search list: %s %s %q", r.Status, r.Failure, r.Summary)
	}
	silent := dnsProbe{resolvConf: conf, hosts: "/dev/null", port: serveDNS(t, map[string]dns.Handler{"127.0.0.1": mute})}
	if r := silent.trace(t.Context(), check.Task{Timeout: check.Duration(200 * time.Millisecond)}, traceParams{Name: "web"}); r.Status != check.Fail || r.Failure != check.Timeout {
		t.Errorf("a silent server: %s %s %q", r.Status, r.Failure, r.Summary)
	}
	if r := probe.race(t.Context(), task, traceParams{Name: "web.shop.svc.cluster.local."}); r.Status != check.Pass || r.Summary != "40 of 40 pairs answered whole" {
		t.Errorf("pairs: %s %q", r.Status, r.Summary)
	}
	if r := silent.race(t.Context(), task, traceParams{Name: "web."}); r.Status != check.Skipped {
		t.Errorf("pairs to a silent server: %s %q", r.Status, r.Summary)
	}
}

func TestJudgeRace(t *testing.T) {
	for _, tt := range []struct {
		name   string
		counts [3]int // none, one, both answered
		status check.Status
		says   string
	}{
		{"whole", [3]int{0, 0, 40}, check.Pass, "40 of 40"},
		{"one lost packet is nobody's trouble", [3]int{0, 1, 39}, check.Pass, "39 of 40"},
		{"the race", [3]int{0, 5, 35}, check.Warn, "5 of 40 pairs lost just one of the two"},
		{"loss takes both now and then", [3]int{4, 8, 28}, check.Warn, "12 of 40 pairs were not answered whole"},
		{"nothing", [3]int{40, 0, 0}, check.Skipped, "nothing"},
	} {
		if r := judgeRace(tt.counts); r.Status != tt.status || !strings.Contains(r.Summary, tt.says) {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

func TestCorefile(t *testing.T) {
	const good = ".:53 {\n  errors\n  health {\n    lameduck 5s\n  }\n  kubernetes cluster.local in-addr.arpa ip6.arpa {\n    fallthrough in-addr.arpa ip6.arpa\n  }\n  forward . /etc/resolv.conf {\n    max_concurrent 1000\n  }\n  cache 30\n  loop\n}\n"
	for _, tt := range []struct {
		name, text string
		status     check.Status
		says       string
	}{
		{"kubeadm's", good, check.Pass, "1 server block, in order"},
		{"a loop to the own address", strings.Replace(good, "/etc/resolv.conf", "127.0.0.1", 1), check.Fail, "forwards to itself (127.0.0.1): a loop"},
		{"a loop to the ClusterIP", strings.Replace(good, "/etc/resolv.conf", "10.96.0.10:53", 1), check.Fail, "a loop"},
		{"another port of the own host is somebody else", strings.Replace(good, "/etc/resolv.conf", "127.0.0.1:5353", 1), check.Pass, ""},
		{"one that listens elsewhere, before a server of the pod's own", strings.NewReplacer(".:53", ".:5353", "/etc/resolv.conf", "127.0.0.1").Replace(good), check.Pass, ""},
		{"what is imported is not known", ".:53 {\n import custom/*.override\n}\n", check.Pass, ""},
		{"no forward", strings.ReplaceAll(good, "forward . /etc/resolv.conf", "debug"), check.Warn, "has no forward"},
		{"no cache", strings.Replace(good, "cache 30", "# cache 30", 1), check.Warn, "has no cache"},
		{"no kubernetes", strings.Replace(good, "kubernetes cluster.local", "hosts", 1), check.Fail, "has no kubernetes plugin"},
		{"a stub zone may lead anywhere", good + "corp.example:53 {\n forward . 10.0.0.1\n}\n", check.Pass, "2 server blocks"},
		{"hostile", "}}}{{{ \x00 {", check.Skipped, ""},
		{"nothing", "# nothing", check.Skipped, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := shopFacts()
			f.DNS.Corefile = tt.text
			f.DNS.Service.ClusterIPs = addrs("10.96.0.10")
			if r := judgeCorefile(f); r.Status != tt.status && tt.name != "hostile" || !strings.Contains(r.Summary, tt.says) {
				t.Errorf("%s %q", r.Status, r.Summary)
			}
		})
	}
}

func TestDNSPolicy(t *testing.T) {
	for _, tt := range []struct {
		pod    facts.Pod
		status check.Status
	}{
		{facts.Pod{DNSPolicy: "ClusterFirst"}, check.Pass},
		{facts.Pod{DNSPolicy: "ClusterFirst", HostNetwork: true}, check.Warn},
		{facts.Pod{DNSPolicy: "ClusterFirstWithHostNet", HostNetwork: true}, check.Pass},
		{facts.Pod{DNSPolicy: "Default"}, check.Warn},
		{facts.Pod{DNSPolicy: "None"}, check.Pass},
	} {
		if r := judgeDNSPolicy(tt.pod); r.Status != tt.status || (r.Failure != "") != (tt.status == check.Warn) {
			t.Errorf("%+v: %s %q", tt.pod, r.Status, r.Summary)
		}
	}
}

func TestTraceWalked(t *testing.T) {
	f := shopFacts()
	f.Services = []facts.Service{service("web", listening("10.244.2.1", "a", "w2", 8080)), service("other")}
	if got := traceWalked(f); got != nil {
		t.Errorf("nothing is walked: %+v", got)
	}
	f.Ask.Walk = f.Services[0].Ref()
	got := traceWalked(f)
	if len(got) != 1 || got[0].Target != "web" || got[0].Subject != "service/shop/web" || !got[0].Params.Told {
		t.Errorf("web is walked: %+v", got)
	}
	// Its lookup is judged by dns.search: what fails here is only told.
	probe := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\n"), hosts: "/dev/null", port: serveDNS(t, map[string]dns.Handler{"127.0.0.1": zone{}})}
	if r := probe.trace(t.Context(), check.Task{Timeout: check.Duration(time.Second)}, traceParams{Name: "web", Told: true}); r.Status != check.Warn || r.Failure != "" {
		t.Errorf("a name that does not exist: %s %q", r.Status, r.Failure)
	}
	f.Services[0].Headless, f.Services[0].Endpoints = true, nil
	if got := traceWalked(f); got != nil {
		t.Errorf("headless, nobody ready: %+v", got)
	}
}

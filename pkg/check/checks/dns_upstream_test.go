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

const forwarding = `
.:53 {
    kubernetes cluster.local
    forward . /etc/resolv.conf 192.0.2.53 {
        max_concurrent 1000
    }
    cache
}
corp.example:53 eu.corp.example {
    forward . 10.1.0.1:5353 [fd00::1]:53 tls://9.9.9.9
}
lab:53 {
    forward deep.lab 10.96.0.10 10.2.0.1
    forward
}
`

func TestUpstreamsOf(t *testing.T) {
	var got []string
	for _, u := range upstreamsOf(parseCorefile(forwarding)) {
		text := u.Zone + " " + u.Other
		if u.Addr.IsValid() {
			text += u.Addr.String()
		}
		got = append(got, text)
	}
	want := []string{
		". /etc/resolv.conf", ". 192.0.2.53:53", "corp.example 10.1.0.1:5353", "corp.example [fd00::1]:53", "corp.example tls://9.9.9.9",
		"eu.corp.example 10.1.0.1:5353", "eu.corp.example [fd00::1]:53", "eu.corp.example tls://9.9.9.9", "deep.lab 10.96.0.10:53", "deep.lab 10.2.0.1:53",
	}
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if list := stubs(upstreamsOf(parseCorefile(forwarding))); len(list) != 3 || list[0] != "corp.example to 10.1.0.1:5353, fd00::1, tls://9.9.9.9" {
		t.Errorf("stub domains: %q", list)
	}
	hostile := "." + strings.Repeat(" {\n forward . "+strings.Repeat("x\x1b[2J ", 400)+"\n}\n.", 50)
	if list := upstreamsOf(parseCorefile(hostile)); len(list) > maxUpstreams || strings.Contains(list[0].Other, "\x1b") {
		t.Errorf("%d of a hostile Corefile: %q", len(list), list[0].Other)
	}
}

func TestPlanUpstream(t *testing.T) {
	f := shopFacts()
	f.DNS.Corefile = forwarding
	f.DNS.Service.Endpoints[0].Node = "cp"
	// The cluster's own server is a loop, and the vantage pod has no IPv6.
	want := []string{"192.0.2.53 udp", "192.0.2.53 tcp", "10.1.0.1:5353 udp corp.example", "10.1.0.1:5353 tcp corp.example",
		"10.1.0.1:5353 udp eu.corp.example", "10.1.0.1:5353 tcp eu.corp.example", "10.2.0.1 udp deep.lab", "10.2.0.1 tcp deep.lab"}
	if diff := cmp.Diff(want, targetsOf(t, "dns.upstream", f)); diff != "" {
		t.Errorf("from a pod (-want +got)\n%s", diff)
	}
	if got := planUpstream(f); !got[0].Params.Elsewhere {
		t.Error("a pod's packets take another way than CoreDNS's")
	}
	if r := readUpstream(f); len(r) != 3 || r[0].Skip == nil || r[0].Skip.Unlock != "--deep, or --from node/cp" {
		t.Errorf("what is not asked: %+v", r)
	}
	f.Vantage = facts.Vantage{Kind: facts.VantageNode, Node: &facts.Node{Name: "cp", IPs: ips("172.30.0.2")}}
	if got := planUpstream(f); got[0].Target != "resolv.conf udp" || got[0].Params.Elsewhere || got[0].Params.Server.IsValid() {
		t.Errorf("from CoreDNS's node: %+v", got[0])
	}
	f.DNS.Corefile = ""
	if got, r := planUpstream(f), readUpstream(f); len(got)+len(r) != 0 {
		t.Errorf("without a Corefile: %+v %+v", got, r)
	}
}

func TestUpstream(t *testing.T) {
	refuses := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetRcode(q, dns.RcodeRefused)
		_ = w.WriteMsg(m)
	})
	task := check.Task{Timeout: check.Duration(300 * time.Millisecond), Attempts: 2}
	for _, tt := range []struct {
		name      string
		handler   dns.Handler
		elsewhere bool
		status    check.Status
		failure   check.Failure
	}{
		{"whatever it answers is an answer", refuses, false, check.Pass, ""},
		{"silent", mute, false, check.Warn, check.Timeout},
		{"silent, from elsewhere", mute, true, check.Skipped, check.Timeout},
	} {
		probe := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\n"), port: serveDNS(t, map[string]dns.Handler{"127.0.0.1": tt.handler})}
		r := probe.upstream(t.Context(), task, upstreamParams{Network: "udp", Zone: ".", Elsewhere: tt.elsewhere})
		if r.Status != tt.status || r.Failure != tt.failure || len(r.Attempts) != 2 {
			t.Errorf("%s: %s %s %q, %d attempts", tt.name, r.Status, r.Failure, r.Summary, len(r.Attempts))
		}
	}
}

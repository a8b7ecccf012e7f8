package checks

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

func TestAlias(t *testing.T) {
	z := zone{"db.example. A": "192.0.2.7"}
	port := serveDNS(t, map[string]dns.Handler{"127.0.0.1": z})
	task := check.Task{Timeout: check.Duration(2 * time.Second)}
	probe := dnsProbe{resolvConf: writeResolvConf(t, "nameserver 127.0.0.1\n"), hosts: "/dev/null", port: port}
	for _, tt := range []struct {
		name    string
		status  check.Status
		failure check.Failure
		summary string
	}{
		{"db.example.", check.Pass, "", "resolves to 192.0.2.7"},
		{"gone.example.", check.Fail, check.NXDomain, "gone.example does not resolve: no such name"},
	} {
		r := probe.alias(t.Context(), task, aliasParams{Service: "db.shop.svc", Name: tt.name})
		if r.Status != tt.status || r.Failure != tt.failure || r.Summary != tt.summary {
			t.Errorf("%s: %s %s %q", tt.name, r.Status, r.Failure, r.Summary)
		}
	}
	silent := dnsProbe{resolvConf: probe.resolvConf, hosts: "/dev/null", port: serveDNS(t, map[string]dns.Handler{"127.0.0.1": mute})}
	if r := silent.alias(t.Context(), check.Task{Timeout: check.Duration(200 * time.Millisecond)}, aliasParams{Name: "db.example."}); r.Failure != check.Timeout {
		t.Errorf("a silent server: %s %q", r.Failure, r.Summary)
	}
	for _, tt := range []struct {
		chain dial.Chain
		kind  check.Failure
		want  string
	}{
		{dial.Chain{Names: []string{"a.", "b.", "a."}, Loop: true}, check.Config, "the alias goes round in a circle: a leads back to itself, 2 aliases further on"},
		{dial.Chain{Names: []string{"a.", "b."}}, check.NXDomain, "b does not resolve: no such name, an alias further on"},
		{dial.Chain{Names: []string{"a.", "b."}}, check.Config, "the chain of aliases does not end after 1"},
	} {
		if r := judgeChain(tt.chain, tt.kind, "a"); r.Summary != tt.want || r.Status != check.Fail {
			t.Errorf("%s %q", r.Status, r.Summary)
		}
	}
}

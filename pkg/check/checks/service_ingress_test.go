package checks

import (
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestJudgeIngress(t *testing.T) {
	s := service("web")
	s.Ports = []facts.ServicePort{{Name: "http", Port: 80, Protocol: facts.TCP}}
	s.OtherPorts = []facts.ServicePort{{Name: "admin", Port: 81, Protocol: facts.TCP}}
	for _, tt := range []struct {
		name   string
		rule   facts.IngressRule
		status check.Status
		says   string
	}{
		{"by number", facts.IngressRule{Port: 80}, check.Pass, "leads to port 80"},
		{"by name", facts.IngressRule{PortName: "http"}, check.Pass, "leads to port http"},
		{"a port that nobody asked about", facts.IngressRule{PortName: "admin"}, check.Pass, "leads to port admin"},
		{"the pods' port", facts.IngressRule{Port: 8080}, check.Fail, "leads to port 8080, which the service does not have"},
		{"another name", facts.IngressRule{PortName: "web"}, check.Fail, "leads to port web, which the service does not have"},
		{"by an annotation", facts.IngressRule{PortName: "use-annotation"}, check.Skipped, "its port is use-annotation: an annotation says where it leads"},
		{"no port at all", facts.IngressRule{}, check.Fail, "leads to port 0, which the service does not have"},
	} {
		if r := judgeIngress(s, tt.rule); r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

func TestJudgeIngressClass(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rule   facts.IngressRule
		status check.Status
		says   string
	}{
		{"there", facts.IngressRule{Class: "nginx", ClassKnown: true, ClassExists: true}, check.Pass, "class nginx exists; no controller has given the Ingress an address"},
		{"served", facts.IngressRule{Class: "gce", ClassKnown: true, Addresses: []string{"192.0.2.1"}}, check.Pass, "class gce, served: it was given an address"},
		{"gone", facts.IngressRule{Class: "gone", ClassKnown: true}, check.Warn, "names class gone, which does not exist: nobody serves it"},
		{"no default", facts.IngressRule{ClassKnown: true}, check.Warn, "names no class, and the cluster has no default one: nobody serves it"},
		{"may not be read", facts.IngressRule{Class: "gone"}, check.Skipped, "cannot tell whether class gone exists"},
	} {
		if r := judgeIngressClass(tt.rule); r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

func TestJudgeIngressTLS(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 3, 0)
	good := facts.IngressTLS{Secret: "cert", Names: []string{"web.example"}, Covers: true, NotBefore: start, NotAfter: end}
	with := func(change func(*facts.IngressTLS)) facts.IngressTLS {
		t := good
		change(&t)
		return t
	}
	for _, tt := range []struct {
		name   string
		tls    facts.IngressTLS
		now    time.Time
		status check.Status
		says   string
	}{
		{"good", good, start.AddDate(0, 1, 0), check.Pass, "secret cert is for web.example, until 2026-04-01"},
		{"expired", good, end.Add(time.Second), check.Fail, "secret cert expired on 2026-04-01T00:00:00Z"},
		{"too early", good, start.Add(-time.Hour), check.Fail, "secret cert is not valid before 2026-01-01T00:00:00Z (or this clock is wrong: 2025-12-31T23:00:00Z)"},
		{"another name", with(func(t *facts.IngressTLS) { t.Covers = false }), start, check.Fail, "secret cert is not for web.example"},
		{"a stranger's key", with(func(t *facts.IngressTLS) { t.Broken = "its tls.key is another's" }), start, check.Fail, "secret cert is of no use: its tls.key is another's"},
		{"no certificate", facts.IngressTLS{Secret: "cert", Broken: "it has no tls.crt"}, start, check.Fail, "secret cert is of no use: it has no tls.crt"},
		{"missing", facts.IngressTLS{Secret: "cert", Missing: true}, start, check.Fail, "secret cert does not exist"},
		{"no right", facts.IngressTLS{Secret: "cert", Forbidden: true, Unread: "no"}, start, check.Skipped, "cannot tell what secret cert holds: needs get secrets"},
		{"no answer", facts.IngressTLS{Secret: "cert", Unread: "timeout"}, start, check.Skipped, "cannot tell what secret cert holds: timeout"},
		{"the controller's", facts.IngressTLS{}, start, check.Skipped, "names no secret: the certificate is the controller's own matter"},
	} {
		r := judgeIngressTLS(service("web"), facts.IngressRule{Host: "web.example", TLS: &tt.tls}, tt.now)
		if r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

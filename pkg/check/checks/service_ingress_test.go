package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestJudgeIngress(t *testing.T) {
	s := service("web")
	s.Ports = []facts.ServicePort{{Name: "http", Port: 80, Protocol: facts.TCP}}
	for _, tt := range []struct {
		name   string
		rule   facts.IngressRule
		status check.Status
		says   string
	}{
		{"by number", facts.IngressRule{Port: 80, Class: "nginx", ClassKnown: true, ClassExists: true}, check.Pass, "leads to port 80"},
		{"by name", facts.IngressRule{PortName: "http", ClassKnown: true, ClassExists: true}, check.Pass, "leads to port http"},
		{"the pods' port", facts.IngressRule{Port: 8080, ClassKnown: true, ClassExists: true}, check.Fail, "leads to port 8080, which the service does not have"},
		{"another name", facts.IngressRule{PortName: "web", ClassKnown: true, ClassExists: true}, check.Fail, "leads to port web, which the service does not have"},
		{"no such class", facts.IngressRule{Port: 80, Class: "gone", ClassKnown: true}, check.Warn, "names class gone, which does not exist: nobody serves it"},
		{"no default class", facts.IngressRule{Port: 80, ClassKnown: true}, check.Warn, "names no class, and the cluster has no default one: nobody serves it"},
		{"classes that may not be read", facts.IngressRule{Port: 80, Class: "gone"}, check.Pass, "leads to port 80"},
	} {
		if r := judgeIngress(s, tt.rule); r.Status != tt.status || r.Summary != tt.says {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

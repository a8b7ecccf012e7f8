package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestHeadlessPort(t *testing.T) {
	service := func(headless bool, targetPort string) *facts.Service {
		return &facts.Service{Namespace: "shop", Name: "db", Headless: headless,
			Ports: []facts.ServicePort{{Name: "http", Port: 80, Protocol: facts.TCP, TargetPort: targetPort}}}
	}
	for _, tt := range []struct {
		name, typed, id string
		service         *facts.Service
		failure         check.Failure
		lost            int
		want            diagnose.Confidence // 0: not named
	}{
		{"a URL", "http://db", "target.http", service(true, "8080"), check.Refused, -1, diagnose.Certain},
		{"a name and port", "db:80", "target.tcp", service(true, "8080"), check.Refused, -1, diagnose.Certain},
		{"a policy may drop it", "db:80", "target.tcp", service(true, "8080"), check.Timeout, -1, diagnose.Likely},
		{"the name of a port may be that number", "db:80", "target.tcp", service(true, "web"), check.Refused, -1, diagnose.Likely},
		{"nothing is turned into anything", "db:80", "target.tcp", service(true, "80"), check.Refused, -1, 0},
		{"the pods' own port", "db:8080", "target.tcp", service(true, "8080"), check.Refused, -1, 0},
		{"the other protocol", "db:80/udp", "target.udp", service(true, "8080"), check.Refused, -1, 0},
		{"one pod listens there too", "db:80", "target.tcp", service(true, "8080"), check.Refused, 1, 0},
		{"the name does not resolve", "http://db", "target.http", service(true, "8080"), check.NXDomain, -1, 0},
		{"a service with a ClusterIP", "db:80", "target.tcp", service(false, "8080"), check.Refused, -1, 0},
		{"no service", "db:80", "target.tcp", nil, check.Refused, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := target.Parse(tt.typed)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			w.facts.Targets = []facts.Target{{Target: parsed, Service: tt.service}}
			w.add(tt.id, "target", tt.typed, "", "", 3)
			w.results[len(w.results)-1].Asked = tt.typed
			w.fail(tt.failure, tt.lost, tt.id)
			v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
			var got diagnose.Confidence
			for _, f := range v.Causes {
				if f.Code == "NL-SVC-HEADLESS-PORT" {
					got = f.Confidence
				}
			}
			if got != tt.want || tt.want != 0 && (len(v.Causes) != 1 || len(v.Unexplained) > 0) {
				t.Errorf("%v, want %v: causes %q, unexplained %q", got, tt.want, codes(v.Causes), v.Unexplained)
			}
		})
	}
}

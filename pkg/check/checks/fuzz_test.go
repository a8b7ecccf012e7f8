package checks

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// FuzzCorefile: the text of a ConfigMap that anybody in kube-system may write. Upstreams
// are bounded and printable, and the check always has something to say.
func FuzzCorefile(f *testing.F) {
	f.Add(".:53 {\n    errors\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    forward . /etc/resolv.conf {\n      max_concurrent 1000\n    }\n    cache 30\n    loop\n}\n")
	f.Add("corp.example:53 {\n forward . 10.0.0.1 tls://9.9.9.9\n}\n. {\n forward . 10.96.0.10\n}")
	f.Fuzz(func(t *testing.T, text string) {
		blocks := parseCorefile(text)
		list := upstreamsOf(blocks)
		if len(list) > maxUpstreams {
			t.Errorf("%d upstreams", len(list))
		}
		for _, u := range list {
			if u.Zone == "" || strings.ContainsFunc(u.Zone+u.Other, unicode.IsControl) || u.Addr.IsValid() == (u.Other != "") {
				t.Errorf("%+v", u)
			}
		}
		if !slices.Equal(list, upstreamsOf(parseCorefile(text))) {
			t.Error("not the same twice")
		}
		if len(stubs(list)) > maxUpstreams {
			t.Errorf("%d stub domains", len(stubs(list)))
		}
		r := judgeCorefile(&facts.Facts{DNS: facts.DNS{Corefile: text}})
		if r.Status == check.Unknown || r.Summary == "" {
			t.Errorf("%+v", r)
		}
	})
}

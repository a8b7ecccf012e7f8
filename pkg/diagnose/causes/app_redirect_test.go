package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestRedirect(t *testing.T) {
	for _, tt := range []struct {
		name, fails string
		status      check.Status
		want        []string
	}{
		{"to a port that is not there", "refused at port 443", check.Warn, []string{"NL-APP-REDIRECT"}},
		{"to one that is", "", check.Pass, nil},
		{"no redirect, an error", "", check.Fail, []string{"NL-APP-ERROR"}},
	} {
		w := newWorld()
		s := w.facts.Services[0]
		w.facts.Targets = []facts.Target{{Target: parsed(t, "http://web"), Service: &s}}
		w.add("target.http", "target", "http://web", "", "", 1)
		r := &w.results[len(w.results)-1]
		r.Status, r.Asked = tt.status, "http://web"
		if tt.status != check.Pass {
			r.Failure, r.Attempts[0].Failure = check.HTTP, check.HTTP
		}
		if tt.fails != "" {
			r.With("redirect fails", "%s", tt.fails)
		}
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if !slices.Equal(codes(v.Causes), tt.want) {
			t.Errorf("%s: causes %q, want %q", tt.name, codes(v.Causes), tt.want)
		}
		if tt.fails != "" && (!strings.Contains(v.Causes[0].Headline, tt.fails) || !slices.Contains(v.Causes[0].Evidence, "service shop/web has 80/TCP")) {
			t.Errorf("%s: %+v", tt.name, v.Causes[0])
		}
	}
}

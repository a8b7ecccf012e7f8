package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.dns",
		Area:    "dns",
		Summary: "the API shows ready endpoints behind the cluster's DNS service",
		Read: func(f *facts.Facts) []check.Result {
			return []check.Result{systemService(f, f.DNS.Service, "the cluster's DNS service")}
		},
	}))
}

// systemService says what the API tells of a service that every cluster has; nil is
// one that could not be read, which the notes about what explain.
func systemService(f *facts.Facts, s *facts.Service, what string) check.Result {
	var r check.Result
	if s == nil {
		r = check.Skipf("", "%s", notesOn(f, what+" was not found or could not be read", what))
		r.Target = what
	} else {
		r = serviceReady(f, *s)
		r.Target = s.Ref().String()
		r.Object, r.Subject = serviceObject(s.Ref()), serviceObject(s.Ref())
	}
	r.Title = "endpoints ready"
	return r
}

package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "state.api",
		Area:    "api",
		Summary: "the API shows API servers behind the service default/kubernetes",
		Read: func(f *facts.Facts) []check.Result {
			return []check.Result{systemService(f, f.API.Service, "service default/kubernetes")}
		},
	}))
}

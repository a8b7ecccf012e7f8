package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "target.read",
		Area:    "target",
		Summary: "every target that was asked for could be read from the API",
		Read:    readTargets,
	}))
}

// readTargets makes an error of each target that stayed unknown: a run that could not
// look at what it was asked for must not end as healthy.
func readTargets(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, t := range f.Targets {
		if !t.Unknown {
			continue
		}
		r := check.Errorf("could not be read, so it was not tried")
		r.Label = check.Label{Title: "readable", Target: t.Object(), Object: t.Object(), Asked: t.Raw}
		if t.Unlock != "" {
			r.With("to unlock", "%s", t.Unlock)
		}
		results = append(results, r)
	}
	return results
}

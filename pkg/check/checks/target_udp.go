package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[reachParams]{
		ID:      "target.udp",
		Area:    "target",
		Summary: "a UDP port of a target answers, says port unreachable, or is silent: three different results",
		Plan:    func(f *facts.Facts) []check.Planned[reachParams] { return targetTasks(f, facts.UDP) },
		Run:     reach,
	}))
}

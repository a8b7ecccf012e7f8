package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[interfaceParams]{
		ID:      "pod.network",
		Area:    "target",
		Summary: "a pod that answers nothing has an interface that is up, with its address, and a default route, from a probe inside it (--deep)",
		// Which pods are dark is known only after a run; see ListenerTasks.
		Plan: func(*facts.Facts) []check.Planned[interfaceParams] { return nil },
		Run:  runInterface,
	}))
}

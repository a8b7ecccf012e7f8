package checks

import (
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

// envoysOwn are the beginnings of what Envoy answers when it does not reach the peer
// (envoy: source/common/http/utility.cc, source/common/router/router.cc).
var envoysOwn = []string{"upstream connect error", "no healthy upstream", "upstream request timeout"}

// seeThrough makes failures of answers that the sidecar gave by itself: the peer was
// not reached, although HTTP came back.
func seeThrough(sidecar string, tries []dial.Try) {
	if sidecar == "" {
		return
	}
	for i := range tries {
		t := &tries[i]
		own := func(words string) bool { return strings.Contains(t.Detail, words) }
		if t.Failure == check.HTTP && slices.ContainsFunc(envoysOwn, own) {
			t.Failure, t.Soft = check.Unreachable, false
			t.Detail = "the pod's " + sidecar + " says: " + t.Detail
		}
	}
}

// unproven is the skipped result in place of a pass that rests on a connect alone: the
// sidecar accepts every connection, whether or not somebody is there (istio#36540).
func unproven(sidecar string, r check.Result) (check.Result, bool) {
	heard := slices.ContainsFunc(r.Evidence, func(e check.Evidence) bool { return e.Key == "answer" })
	if sidecar == "" || heard || r.Status != check.Pass {
		return r, false
	}
	skipped := check.Skipf("appProtocol in the Service's port, or --to http://HOST:PORT",
		"the pod's %s accepts every connection, and the port's protocol is not known: whether the peer answers cannot be told", sidecar)
	skipped.Evidence = r.Evidence
	return skipped, true
}

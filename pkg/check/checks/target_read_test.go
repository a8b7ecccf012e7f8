package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestUnreadTarget: an error, with what unlocks it where a right is missing, and with no
// such advice where the API server only did not answer.
func TestUnreadTarget(t *testing.T) {
	const unlock = "kubectl netlook rbac --for api -n faults --user jane | kubectl apply -f -"
	web := parseTarget(t, "svc/faults/web")
	f := &facts.Facts{Targets: []facts.Target{{Target: web, Unknown: true, Unlock: unlock}, {Target: web, Unknown: true}, {Target: web}}}
	results := readTargets(f)
	if len(results) != 2 || results[0].Status != check.Error || results[1].Status != check.Error {
		t.Fatalf("%+v", results)
	}
	if e := results[0].Evidence; len(e) != 1 || e[0].Key != "to unlock" || e[0].Value != unlock {
		t.Errorf("%+v", e)
	}
	if e := results[1].Evidence; len(e) != 0 {
		t.Errorf("advice without a cause: %+v", e)
	}
}

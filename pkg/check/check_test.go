package check_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// asking plans and reads a target for each argument given.
func asking(id, target string, args ...string) check.Check {
	return check.Check{
		ID: id, Area: "target", Summary: "a test",
		Plan: func(*facts.Facts) (tasks []check.Task) {
			for _, arg := range args {
				tasks = append(tasks, check.Task{ID: id + " " + target, Check: id, Label: check.Label{Target: target, Asked: arg}})
			}
			return tasks
		},
		Read: func(*facts.Facts) (results []check.Result) {
			for _, arg := range args {
				results = append(results, check.Result{TaskID: id + " " + target, Label: check.Label{Target: target, Asked: arg}})
			}
			return results
		},
	}
}

// TestEachArgumentHasEvidence: the same work for two arguments is done for both, for
// the same one once.
func TestEachArgumentHasEvidence(t *testing.T) {
	c := asking("target.tcp", "10.0.0.1:80", "pod/a:80", "pod/a:80", "deploy/a:80", "", "deploy/a:80")
	c.Run = func(context.Context, check.Task) check.Result { return check.Result{} }
	var r check.Registry
	r.Add(c)
	var got []string
	for _, task := range r.Plan(&facts.Facts{}) {
		got = append(got, task.ID+" <- "+task.Asked)
	}
	want := []string{"target.tcp 10.0.0.1:80 <- pod/a:80", "target.tcp 10.0.0.1:80 for deploy/a:80 <- deploy/a:80"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got)\n%s", diff)
	}
}

// TestReadDropsNothing: results are kept, and told apart by the argument they serve.
func TestReadDropsNothing(t *testing.T) {
	c := asking("target.read", "svc/a", "svc/a:80", "svc/a:81")
	c.Plan = nil
	var r check.Registry
	r.Add(c)
	ids := map[string]bool{}
	for _, result := range r.Read(&facts.Facts{}) {
		ids[result.TaskID] = true
	}
	if len(ids) != 2 {
		t.Errorf("got %v, want two distinct results", ids)
	}
}

package checks

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

func TestPlanPathEcho(t *testing.T) {
	f := shopFacts()
	f.DNS.Service.Endpoints[0].Node = "cp"
	f.Services = []facts.Service{service("api", listening("10.244.2.1", "a", "w2", 80), listening("10.244.2.2", "b", "w2", 80), listening("10.244.3.1", "d", "w3", 80))}
	if diff := cmp.Diff([]string{"10.244.3.1", "10.244.0.2"}, targetsOf(t, "path.echo", f)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestJudgePathEcho(t *testing.T) {
	ok, lost := dial.Try{}, dial.Try{Attempt: check.Attempt{Failure: check.Timeout}}
	refused := dial.Try{Attempt: check.Attempt{Failure: check.Refused}}
	again := dial.Try{Attempt: check.Attempt{Failure: check.Refused, Repeats: 1}}
	unreachable := dial.Try{Attempt: check.Attempt{Failure: check.Unreachable}}
	for _, tt := range []struct {
		name    string
		tries   []dial.Try
		status  check.Status
		summary string
	}{
		{"all", []dial.Try{ok, ok}, check.Pass, "2 of 2 answered"},
		{"one lost is nobody's trouble", []dial.Try{ok, lost}, check.Pass, "1 of 2 answered"},
		{"two are", []dial.Try{ok, lost, lost}, check.Warn, "1 of 3 answered"},
		{"none answered: a filter, or other checks say so", []dial.Try{lost, lost}, check.Skipped, "no echo is answered"},
		{"some could not be sent", []dial.Try{ok, {Err: errors.New("no buffer space available")}}, check.Pass, "1 of 1 answered"},
		{"a closed port resets", []dial.Try{refused, refused}, check.Pass, "2 of 2 answered"},
		{"resets to repeated packets", []dial.Try{refused, again, again}, check.Warn, "1 of 3 answered"},
		{"another failure", []dial.Try{ok, unreachable}, check.Skipped, "cannot be measured: " + check.Unreachable.Meaning()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := judgePathEcho(tt.tries)
			if r.Status != tt.status || r.Summary != tt.summary || (r.Failure == check.Loss) != (tt.status == check.Warn) {
				t.Errorf("%s %s %q, want %s %q", r.Status, r.Failure, r.Summary, tt.status, tt.summary)
			}
		})
	}
}

func TestPathEcho(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	_, far := newFarNet(t, 1450, 1450)
	far.Do(t, func() {
		nft(t, "table ip lossy { chain in { type filter hook input priority 0; icmp type echo-request numgen inc mod 3 == 0 drop; }; }")
	})
	f := podFacts("10.244.1.12")
	f.Services = []facts.Service{service("far", listening("10.244.2.7", "far", "w2", 8080))}
	r := run(t, "path.echo", f)[0]
	lost := len(slices.DeleteFunc(slices.Clone(r.Attempts), func(a check.Attempt) bool { return a.Failure == "" }))
	if r.Status != check.Warn || r.Failure != check.Loss || len(r.Attempts) != lossAttempts || lost < lossAttempts/3 {
		t.Errorf("%s %s %q, %d of %d lost", r.Status, r.Failure, r.Summary, lost, len(r.Attempts))
	}
}

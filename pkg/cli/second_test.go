package cli

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// TestSecondLook: where something fails the API is asked about the endpoints that do and
// those whose pod was not listed; in a run where all is well it is asked nothing.
func TestSecondLook(t *testing.T) {
	endpoint := func(last byte, pod string) facts.Endpoint {
		e := facts.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 244, 0, last}), Ready: true}
		if pod != "" {
			e.Pod = &facts.Ref{Namespace: "shop", Name: pod}
		}
		return e
	}
	listed := func(s *facts.Service) {
		s.SelectorRead, s.SelectedPods = true, []facts.Pod{{Namespace: "shop", Name: "web-2"}}
	}
	for _, tt := range []struct {
		name   string
		fails  bool
		change func(*facts.Service)
		want   []string // with a "!" behind those that were tried in vain
	}{
		{"all is well", false, func(*facts.Service) {}, nil},
		{"an endpoint fails", true, func(*facts.Service) {}, []string{"shop/web web-2!"}},
		{"it has no pod", true, func(s *facts.Service) { s.Endpoints[0].Pod = nil }, nil},
		{"another was not listed", true, listed, []string{"shop/web web-2!", "shop/web web-3"}},
		{"one was not listed, and nothing fails", false, listed, nil},
		{"not all were listed", true, func(s *facts.Service) {
			listed(s)
			s.SelectedCut = true
		}, []string{"shop/web web-2!"}},
		{"one that gets no traffic was not listed", true, func(s *facts.Service) {
			listed(s)
			s.Endpoints[1].Ready = false
		}, []string{"shop/web web-2!"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := facts.Service{Namespace: "shop", Name: "web", Endpoints: []facts.Endpoint{endpoint(2, "web-2"), endpoint(3, "web-3")}}
			tt.change(&service)
			f := gathers(func(f *facts.Facts) { f.Services = []facts.Service{service} })
			var asked []string
			f.second = func(doubts []facts.Doubt) (s facts.Second) {
				for _, d := range doubts {
					asked = append(asked, d.Service.String()+" "+d.Endpoint.Pod.Name+strings.Repeat("!", map[bool]int{true: 1}[d.Silent]))
					s.Left = append(s.Left, facts.Stale{Doubt: d, Why: "is gone"})
				}
				return s
			}
			f.inject = injects(func(task check.Task) check.Result {
				r := pass(task)
				if tt.fails && r.Target == "10.244.0.2" { // of fakeRegistry
					r.Status, r.Failure = check.Fail, check.Timeout
				}
				return r
			})
			got := runWith(t, t.Context(), f, "pod", "web-0")
			if diff := cmp.Diff(tt.want, asked); diff != "" {
				t.Errorf("asked about (-want +got):\n%s", diff)
			}
			if len(tt.want) > 0 {
				says(t, "stdout", got.stdout, []string{"was taken away during this run", "run it again"})
			}
		})
	}
}

// TestSecondLookAtTargets: a pod that is a target itself is asked about as well, where it
// fails.
func TestSecondLookAtTargets(t *testing.T) {
	at := func(last byte) facts.Pod {
		return facts.Pod{Namespace: "shop", Name: "api", UID: "one", IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 244, 0, last})}}
	}
	f := gathers(func(f *facts.Facts) { f.Targets = []facts.Target{{Pods: []facts.Pod{at(2), at(3)}}} })
	var asked []facts.Doubt
	f.second = func(doubts []facts.Doubt) facts.Second {
		asked = doubts
		return facts.Second{}
	}
	f.inject = injects(func(task check.Task) check.Result {
		r := pass(task)
		if r.Target == "10.244.0.2" {
			r.Status, r.Failure = check.Fail, check.Refused
		}
		return r
	})
	runWith(t, t.Context(), f, "pod", "web-0")
	if len(asked) != 1 || asked[0].Endpoint.Addr != at(2).IPs[0] || asked[0].Endpoint.PodUID != "one" || !asked[0].Silent || asked[0].Service != (facts.Ref{}) {
		t.Errorf("asked about %+v", asked)
	}
}

// injects is a backend's probe that answers as told.
func injects(answer func(check.Task) check.Result) func(context.Context, inject.Options) (prober, error) {
	return func(context.Context, inject.Options) (prober, error) {
		return &fakeProbe{run: func(_ context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
			for _, t := range tasks {
				onResult(answer(t))
			}
			return outcome{}, nil
		}}, nil
	}
}

// TestSecondLookForTwins: pods are looked through for an address only where another pod
// with it would make it fail like that.
func TestSecondLookForTwins(t *testing.T) {
	for _, tt := range []struct {
		status  check.Status
		failure check.Failure
		want    bool
	}{
		{check.Fail, check.Refused, true},
		{check.Fail, check.Timeout, true},
		{check.Fail, check.Protocol, true},
		{check.Fail, check.TLS, false},
		{check.Fail, check.HTTP, false},
		{check.Fail, check.NoRoute, false},
		{check.Warn, check.Timeout, false},
	} {
		ip := netip.MustParseAddr("10.244.0.2")
		f := gathers(func(f *facts.Facts) {
			f.Targets = []facts.Target{{Pods: []facts.Pod{{Namespace: "shop", Name: "api", IPs: []netip.Addr{ip}}}}}
		})
		var asked []facts.Doubt
		f.second = func(doubts []facts.Doubt) facts.Second {
			asked = doubts
			return facts.Second{}
		}
		f.inject = injects(func(task check.Task) check.Result {
			r := pass(task)
			if r.Target == ip.String() {
				r.Status, r.Failure = tt.status, tt.failure
			}
			return r
		})
		runWith(t, t.Context(), f, "pod", "web-0")
		if len(asked) != 1 || !asked[0].Silent || asked[0].Astray != tt.want {
			t.Errorf("%s, %s: asked about %+v", tt.status, tt.failure, asked)
		}
	}
}

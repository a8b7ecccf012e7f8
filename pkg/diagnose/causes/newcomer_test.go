package causes

import (
	"slices"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// emptied leaves service shop/web without pods, and says which workloads would make some.
func (w *world) emptied(workloads ...facts.Workload) *world {
	s := &w.facts.Services[0]
	s.Endpoints, s.Selector, s.SelectorRead, s.SelectedPods, s.Workloads = nil, map[string]string{"app": "web"}, true, nil, workloads
	w.results = append(w.results, check.Result{TaskID: "ready", Check: "service.ready", Vantage: check.VantageAPI, Status: check.Fail, Failure: check.NoEndpoint,
		Label: check.Label{Area: "service", Title: "web ready", Target: "shop/web", Object: "service/shop/web", Subject: "service/shop/web"}})
	return w.fail(check.Timeout, -1, "service.vip")
}

// crashes makes the target pod 10.2.0.9 one whose container ends again and again.
func (w *world) crashes() *world {
	pod := facts.Pod{Namespace: "shop", Name: "crash", Node: "b", Containers: []facts.Container{{Name: "app", Restarts: 7, Waiting: "CrashLoopBackOff"}}}
	w.facts.Targets = append(w.facts.Targets, facts.Target{Target: target.Target{Kind: target.Pod}, Pods: []facts.Pod{pod}})
	w.results = append(w.results, check.Result{TaskID: "state", Check: "state.pod", Vantage: check.VantageAPI, Status: check.Fail, Failure: check.NotReady,
		Label: check.Label{Area: "target", Title: "state", Target: "shop/crash", Object: "pod/shop/crash"}})
	w.add("target.tcp", "target", "10.2.0.9:8080", "pod/shop/crash", "pod/shop/crash", 3)
	return w.fail(check.Refused, -1, "target.tcp 10.2.0.9")
}

// betweenCrashes makes the crashing pod one that runs just now, after a run that ended so.
func (w *world) betweenCrashes(exit int32, ran time.Duration) *world {
	k := &w.facts.Targets[len(w.facts.Targets)-1].Pods[0].Containers[0]
	k.Waiting, k.Ready, k.Ended = "", true, &facts.Ended{Reason: "Error", ExitCode: exit, Ran: ran}
	for i := range w.results {
		if w.results[i].Check == "state.pod" && w.results[i].Object == "pod/shop/crash" {
			w.results[i].Status, w.results[i].Failure = check.Pass, ""
		}
	}
	return w
}

// expired makes the certificate at an address one that is too old.
func (w *world) expired() *world {
	w.add("target.http", "target", "https://shop.example/", "", "", 1)
	r := &w.results[len(w.results)-1]
	r.Status, r.Failure = check.Fail, check.TLS
	r.Attempts = []check.Attempt{{Failure: check.TLS, Detail: "expired on 2026-01-01"}}
	return w
}

// listens says on what the target pod listens, which refuses.
func (w *world) listens(listeners ...string) *world {
	w.add("target.tcp", "target", "10.2.0.9:8080", "pod/shop/quiet", "pod/shop/quiet", 3)
	w.fail(check.Refused, -1, "target.tcp 10.2.0.9")
	w.results = append(w.results, check.Result{TaskID: "listeners", Check: "pod.listeners", Vantage: "pod/shop/quiet", Status: check.Pass, Summary: "listens",
		Label: check.Label{Area: "target", Title: "listeners", Object: "pod/shop/quiet"}, Kernel: &facts.Kernel{Listeners: listeners}})
	return w
}

// A client that is pinned to the dead one of three endpoints gets nothing from the
// ClusterIP, however often it tries.
func TestPinnedToTheDead(t *testing.T) {
	for _, pinned := range []bool{true, false} {
		w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3")
		w.facts.Services[0].SessionAffinity = pinned
		for i, r := range w.results {
			if r.Check == "service.vip" {
				w.results[i].Attempts = make([]check.Attempt, 12)
			}
		}
		w.fail(check.Timeout, -1, "service.vip")
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		whole := len(v.Causes) == 1 && v.Causes[0].Code == "NL-SVC-ENDPOINT-DOWN" && len(v.Unexplained)+len(v.Candidates) == 0
		if whole != pinned {
			t.Errorf("pinned %v: causes %q, candidates %q, unexplained %q", pinned, codes(v.Causes), codes(v.Candidates), v.Unexplained)
		}
	}
}

func TestLoopbackOnly(t *testing.T) {
	for _, tt := range []struct {
		name      string
		listeners []string
		loopback  bool
	}{
		{"loopback only", []string{"127.0.0.1:8080", "[::]:9"}, true},
		{"loopback of both families", []string{"127.0.0.1:8080", "[::1]:8080"}, true},
		{"everywhere as well", []string{"127.0.0.1:8080", "[::]:8080"}, false},
		{"another port", []string{"127.0.0.1:8081"}, false},
		{"nothing", nil, false},
		{"what is no address", []string{"x"}, false},
	} {
		w := newWorld().listens(tt.listeners...)
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := len(v.Causes) > 0 && v.Causes[0].Code == "NL-APP-LOOPBACK"; got != tt.loopback {
			t.Errorf("%s: causes %q", tt.name, codes(v.Causes))
		}
	}
}

// TestNoCrash: a container that failed in the past, and runs since, is not to blame for a
// port that refuses.
func TestNoCrash(t *testing.T) {
	for _, tt := range []struct {
		name  string
		exit  int32
		ran   time.Duration
		ago   time.Duration
		crash bool
	}{
		{"minutes ago", 1, 3 * time.Second, 4 * time.Minute, true},
		{"once at the start, weeks ago", 1, 3 * time.Second, 500 * time.Hour, false},
		{"after a long run", 137, time.Hour, time.Minute, false},
		{"ended well", 0, 3 * time.Second, time.Minute, false},
	} {
		w := newWorld().crashes().betweenCrashes(tt.exit, tt.ran)
		w.facts.Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		w.facts.Targets[len(w.facts.Targets)-1].Pods[0].Containers[0].Ended.Finished = w.facts.Now.Add(-tt.ago)
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if got := slices.Contains(codes(v.Causes), "NL-POD-CRASH"); got != tt.crash {
			t.Errorf("%s: causes %q", tt.name, codes(v.Causes))
		}
	}
}

func TestWhatIsNotTheNetwork(t *testing.T) {
	for _, tt := range []struct {
		name, cause, where, try string
		world                   *world
	}{
		{"a deployment scaled to zero", "NL-SVC-SCALED-TO-ZERO", "deployment/shop/web", "kubectl -n shop scale deployment web --replicas=1", newWorld().emptied(facts.Workload{Kind: "deployment", Name: "web"})},
		{"a deployment that makes no pods", "NL-SVC-SCALED-TO-ZERO", "deployment/shop/web", "kubectl -n shop describe replicasets,statefulsets", newWorld().emptied(facts.Workload{Kind: "deployment", Name: "web", Replicas: 3})},
		{"a selector that fits nobody", "NL-SVC-SELECTOR", "service/shop/web", "kubectl -n shop get pods --show-labels", newWorld().emptied()},
		{"a container that crashes", "NL-POD-CRASH", "pod/shop/crash", "kubectl -n shop logs crash -c app --previous", newWorld().crashes()},
		{"a container between two crashes", "NL-POD-CRASH", "pod/shop/crash", "kubectl -n shop logs crash -c app --previous", newWorld().crashes().betweenCrashes(1, 0)},

		{"a certificate that has expired", "NL-TLS-CERTIFICATE", "https://shop.example/", "openssl s_client -connect shop.example:443 </dev/null | openssl x509 -noout -dates -subject -ext subjectAltName", newWorld().expired()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			if len(v.Causes) != 1 || len(v.Unexplained) > 0 {
				t.Fatalf("causes %q, unexplained %q", codes(v.Causes), v.Unexplained)
			}
			if f := v.Causes[0]; f.Code != tt.cause || f.Where[0] != tt.where || f.Try[0] != tt.try || f.Confidence != diagnose.Certain {
				t.Errorf("%s, %s at %q, try %q", f.Code, f.Confidence, f.Where, f.Try)
			}
		})
	}
}

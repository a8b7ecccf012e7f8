package cli

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// TestDoubtful: whom it is worth to look into, for an ephemeral container stays.
func TestDoubtful(t *testing.T) {
	vantage := facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "w1", IPs: []netip.Addr{netip.MustParseAddr("10.1.0.9")}}}
	result := func(id, target, pod string, kinds ...check.Failure) check.Result {
		r := check.Result{TaskID: id + " " + target, Check: id, Vantage: vantage.String(), Status: check.Pass, Label: check.Label{Target: target, Object: "pod/shop/" + pod}}
		for _, kind := range kinds {
			r.Attempts = append(r.Attempts, check.Attempt{Failure: kind})
			if kind != "" {
				r.Status, r.Failure = check.Fail, kind
			}
		}
		return r
	}
	const lost = check.Timeout
	onNode := check.Result{TaskID: "node.links w2", Check: "node.links", Vantage: "node/w2", Status: check.Pass}
	reached := result("target.icmp", "10.2.0.2", "a", "")
	for _, tt := range []struct {
		name    string
		results []check.Result
		denied  string
		want    []string
	}{
		{"all is well", []check.Result{result("service.endpoint", "10.2.0.2:80", "a", "")}, "", nil},
		{"nothing of it answers, and its node is in order", []check.Result{onNode, result("service.endpoint", "10.2.0.2:80", "a", lost)}, "", []string{"shop/a"}},
		{"nothing of it answers, and it is on its node's network", []check.Result{onNode, result("service.endpoint", "192.0.2.2:80", "host", lost)}, "", nil},
		{"nothing of it answers, nor of its node's other pods", []check.Result{onNode, result("service.endpoint", "10.2.0.2:80", "a", lost), result("service.endpoint", "10.2.0.3:80", "b", lost)}, "", nil},
		{"nothing answers anywhere", []check.Result{onNode, result("service.endpoint", "10.2.0.2:80", "a", lost), result("service.endpoint", "10.1.0.2:80", "b", lost)}, "", nil},
		{"nothing of it answers, a policy denies it", []check.Result{onNode, result("service.endpoint", "10.2.0.2:80", "a", lost)}, "10.2.0.2:80", nil},
		{"a DNS server answers nothing", []check.Result{onNode, result("dns.cluster", "10.2.0.2 udp A", "a", lost), result("dns.cluster", "10.2.0.2 tcp A", "a", lost)}, "", []string{"shop/a"}},
		{"a DNS server answers over TCP", []check.Result{onNode, result("dns.cluster", "10.2.0.2 udp A", "a", lost), result("dns.cluster", "10.2.0.2 tcp A", "a", "")}, "", nil},
		{"it refuses", []check.Result{result("service.endpoint", "10.2.0.2:80", "a", check.Refused)}, "", []string{"shop/a"}},
		{"one port is mute", []check.Result{reached, result("service.endpoint", "10.2.0.2:80", "a", lost, lost)}, "", []string{"shop/a"}},
		{"a target's port is mute", []check.Result{reached, result("target.tcp", "10.2.0.2:80", "a", lost)}, "", []string{"shop/a"}},
		{"it opens connections, and takes no data", []check.Result{reached, result("service.endpoint", "10.2.0.2:80", "a", check.Undelivered, lost)}, "", []string{"shop/a"}},
		{"now and then it answers", []check.Result{reached, result("service.endpoint", "10.2.0.2:80", "a", lost, "")}, "", nil},
		{"nothing of it answers", []check.Result{result("service.endpoint", "10.2.0.2:80", "a", lost)}, "", nil},
		{"a policy denies it", []check.Result{reached, result("service.endpoint", "10.2.0.2:80", "a", lost)}, "10.2.0.2:80", nil},
		{"a policy denies another port", []check.Result{reached, result("service.endpoint", "10.2.0.2:80", "a", lost)}, "10.2.0.2:81", []string{"shop/a"}},
		{"over UDP", []check.Result{reached, result("service.endpoint", "10.2.0.2:80/udp", "a", lost)}, "", nil},
		{"it is the vantage pod", []check.Result{result("target.icmp", "10.1.0.9", "client", ""), result("service.endpoint", "10.1.0.9:80", "client", lost)}, "", nil},
		{"those that refuse come first, and no more than two", []check.Result{
			reached, result("service.endpoint", "10.2.0.2:80", "a", lost), result("service.endpoint", "10.2.0.3:80", "b", check.Refused), result("service.endpoint", "10.2.0.4:80", "c", check.Refused),
		}, "", []string{"shop/b", "shop/c"}},
	} {
		f := &facts.Facts{Vantage: vantage, Services: []facts.Service{{Namespace: "shop", Name: "web", Endpoints: []facts.Endpoint{
			{Addr: netip.MustParseAddr("10.1.0.2"), Node: "w1"}, {Addr: netip.MustParseAddr("10.2.0.2"), Node: "w2"}, {Addr: netip.MustParseAddr("10.2.0.3"), Node: "w2"},
			{Addr: netip.MustParseAddr("192.0.2.2"), Node: "w2"},
		}}}, Nodes: []facts.Node{{Name: "w2", IPs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
		if tt.denied != "" {
			f.Policies.Flows = []facts.PolicyFlow{{To: netip.MustParseAddrPort(tt.denied), Protocol: facts.TCP, Decision: facts.PolicyDecision{Ingress: facts.PolicySide{Verdict: facts.PolicyDenied}}}}
		}
		d := &diagnosis{facts: f, results: tt.results, seams: &seams{causes: &diagnose.Registry{}}}
		var got []string
		for _, ref := range d.doubtful() {
			got = append(got, ref.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestDoubtfulIsCheap: however much is dark, it is diagnosed once, and not at all where
// others are looked into already.
func TestDoubtfulIsCheap(t *testing.T) {
	for name, tt := range map[string]struct {
		refuse, want int
	}{
		"all are dark":         {0, 1},
		"one refuses":          {1, 1},
		"more refuse than two": {3, 0},
	} {
		verdicts := 0
		causes := &diagnose.Registry{}
		causes.Add(diagnose.Cause{Code: "NL-TEST", Summary: "s", Signal: "s", Meaning: "m", Find: func(*diagnose.Case) []diagnose.Finding {
			verdicts++
			return nil
		}})
		f := &facts.Facts{Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client", Node: "w1"}}, Services: []facts.Service{{Namespace: "shop", Name: "web"}}}
		d := &diagnosis{facts: f, seams: &seams{causes: causes}, results: []check.Result{{TaskID: "node.links w1", Check: "node.links", Vantage: "node/w1", Status: check.Pass}}}
		for i := range byte(9) {
			addr, failure := netip.AddrFrom4([4]byte{10, 1, 0, 2 + i}), check.Timeout
			if int(i) < tt.refuse {
				failure = check.Refused
			}
			f.Services[0].Endpoints = append(f.Services[0].Endpoints, facts.Endpoint{Addr: addr, Node: "w1"})
			target := addr.String() + ":80"
			d.results = append(d.results, check.Result{TaskID: target, Check: "service.endpoint", Vantage: f.Vantage.String(), Status: check.Fail, Failure: failure,
				Attempts: []check.Attempt{{Failure: failure}}, Label: check.Label{Target: target, Object: "pod/shop/" + string('a'+rune(i))}})
		}
		// Somebody answers, else the vantage pod is cut off.
		f.Services[0].Endpoints = append(f.Services[0].Endpoints, facts.Endpoint{Addr: netip.MustParseAddr("10.1.0.99"), Node: "w1"})
		d.results = append(d.results, check.Result{TaskID: "ok", Check: "service.endpoint", Vantage: f.Vantage.String(), Status: check.Pass, Attempts: []check.Attempt{{}}, Label: check.Label{Target: "10.1.0.99:80", Object: "pod/shop/ok"}})
		if pods := d.doubtful(); len(pods) != maxInside || verdicts != tt.want {
			t.Errorf("%s: %d verdicts for %v", name, verdicts, pods)
		}
	}
}

// TestInside: what comes of a look into a pod is told as it is, and none is taken that
// nobody would hear.
func TestInside(t *testing.T) {
	dead := &facts.Kubelet{Node: "w1"}
	answers := func(out outcome, err error, tasks int) func(context.Context, inject.Options) (prober, error) {
		return func(context.Context, inject.Options) (prober, error) {
			return &fakeProbe{run: func(_ context.Context, list []check.Task, onResult func(check.Result)) (outcome, error) {
				for _, task := range list[:min(tasks, len(list))] {
					onResult(pass(task))
				}
				return out, err
			}}, nil
		}
	}
	refuses := func(err error) func(context.Context, inject.Options) (prober, error) {
		return func(context.Context, inject.Options) (prober, error) { return nil, err }
	}
	const looked, unheard = "looked into pod shop/web-0", "nothing was heard"
	for _, tt := range []struct {
		name     string
		backend  *fakeBackend
		kubelet  *facts.Kubelet
		injected int
		results  int
		err      string
		notices  []string
		learnt   *facts.Kubelet
	}{
		{"well", &fakeBackend{inject: answers(outcome{}, nil, 9)}, nil, 1, 3, "", []string{looked}, nil},
		{"on its node's network", &fakeBackend{inject: answers(outcome{}, nil, 9), pod: func() (*corev1.Pod, error) {
			p, _ := (&fakeBackend{}).Pod(t.Context(), "shop", "web-0")
			p.Spec.HostNetwork = true
			return p, nil
		}}, nil, 1, 2, "", []string{looked}, nil},
		{"another node's kubelet is not reached", &fakeBackend{inject: answers(outcome{}, nil, 9)}, &facts.Kubelet{Node: "w2"}, 1, 3, "", []string{looked}, &facts.Kubelet{Node: "w2"}},
		{"its node's kubelet is not reached", &fakeBackend{}, dead, 0, 0, "does not reach the kubelet of w1", nil, dead},
		{"its node's kubelet is silent", &fakeBackend{nodes: map[string]*corev1.Node{"w1": {ObjectMeta: metav1.ObjectMeta{Name: "w1"}, Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}}}}}, nil, 0, 0, "the kubelet of w1 does not report", nil, nil},
		{"nodes may not be read", &fakeBackend{inject: answers(outcome{}, nil, 9), node: func() (*corev1.Node, error) { return nil, errors.New("forbidden") }}, nil, 1, 3, "", []string{looked}, nil},
		{"no container, for want of the kubelet", &fakeBackend{inject: refuses(&inject.Error{Kind: inject.ErrKubelet, Text: "that is why", Kubelet: dead})}, nil, 1, 0, "that is why", nil, dead},
		{"cut short", &fakeBackend{inject: answers(outcome{incomplete: "that is why"}, nil, 1)}, nil, 1, 1, "", []string{"pod shop/web-0: that is why", looked}, nil},
		{"nothing is heard", &fakeBackend{inject: answers(outcome{incomplete: "that is why", kubelet: dead}, nil, 0)}, nil, 1, 0, "", []string{"pod shop/web-0: that is why", unheard}, dead},
		{"it cannot be talked to", &fakeBackend{inject: answers(outcome{}, errors.New("that is why"), 0)}, nil, 1, 0, "", []string{"pod shop/web-0: that is why", unheard}, nil},
	} {
		d := &diagnosis{seams: &seams{}, backend: tt.backend, facts: &facts.Facts{}, kubelet: tt.kubelet}
		err := d.inside(t.Context(), facts.Ref{Namespace: "shop", Name: "web-0"})
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
		var told []string
		for _, n := range d.notices {
			told = append(told, n.Message)
		}
		if !slices.EqualFunc(told, tt.notices, strings.Contains) {
			t.Errorf("%s: told %q, want %q", tt.name, told, tt.notices)
		}
		if tt.backend.injected != tt.injected || len(d.results) != tt.results || (d.kubelet == nil) != (tt.learnt == nil) || d.kubelet != nil && *d.kubelet != *tt.learnt {
			t.Errorf("%s: %d containers, %d results, kubelet %+v", tt.name, tt.backend.injected, len(d.results), d.kubelet)
		}
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// TestUnseen: what --deep was asked for and did not get to see is never healthy, unless
// somebody does not let it; and it does not outweigh a problem that was found.
func TestUnseen(t *testing.T) {
	placed := func(kind error) func(*deepCluster) {
		return func(d *deepCluster) {
			d.breaks, d.refuses = []string{"w1"}, &inject.Error{Kind: kind, Text: "that is why"}
		}
	}
	node := func(change func(*corev1.Node)) func(*deepCluster) {
		return func(d *deepCluster) {
			n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}}
			change(n)
			// The pod's own node is read before, to refuse early.
			asked := false
			d.node = func() (*corev1.Node, error) {
				if !asked {
					asked = true
					return nil, errors.New("not yet")
				}
				if n.Name == "" {
					return nil, fmt.Errorf("node w1: %w", cluster.ErrNotFound)
				}
				return n, nil
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*deepCluster)
		cut    bool
		says   string
	}{
		{"a session that is cut", func(d *deepCluster) { d.cuts = "that is why" }, true, "node w1: that is why"},
		{"a probe that cannot be talked to", func(d *deepCluster) { d.cutFails = errors.New("that is why") }, true, "node w1: that is why"},
		{"facts that are lost", func(d *deepCluster) { d.lost = []string{"nodes: not read: 503"} }, true, "node w1: nodes: not read: 503"},
		{"no right", placed(inject.ErrNotAllowed), false, "no look at node w1: that is why"},
		{"admission", placed(inject.ErrRefused), false, "no look at node w1: that is why"},
		{"no image", placed(inject.ErrImage), false, "no look at node w1: that is why"},
		{"no start", placed(inject.ErrStart), true, "no look at node w1: that is why"},
		{"gone", placed(inject.ErrGone), true, "no look at node w1: that is why"},
		{"too late", placed(inject.ErrTimeout), true, "no look at node w1: that is why"},
		{"no answer of the API", placed(inject.ErrAPI), true, "no look at node w1: that is why"},
		{"facts that may not be read", func(d *deepCluster) { d.unread = []string{"w1"} }, false, "no look at node w1: get nodes: forbidden"},
		{"no such node", node(func(n *corev1.Node) { n.Name = "" }), true, "no look at node w1: node w1: not found"},
		{"a silent node", node(func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
		}), true, "no look at node w1: no probe can start on node w1"},
		{"Windows", node(func(n *corev1.Node) { n.Status.NodeInfo.OperatingSystem = "windows" }), false, "no look at node w1: node w1 runs Windows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(d *deepCluster, deep string, code int) {
				t.Helper()
				tt.change(d)
				got := d.run(t, t.Context(), "pod", "web-0", deep)
				if got.code != code {
					t.Errorf("%s: exit status %d, want %d:\n%s", deep, got.code, code, got.stdout)
				}
				says(t, "stdout", got.stdout, []string{"! " + tt.says})
				if code == 2 {
					says(t, "stdout", got.stdout, []string{"incomplete: the run was cut short"})
				}
			}
			healthy := 0
			if tt.cut {
				healthy = 2
			}
			run(newDeepCluster(1), "--deep", healthy)
			run(newDeepCluster(1, "w1"), "--deep", 1)
			run(newDeepCluster(1, "w1"), "--deep=auto", 1)
		})
	}
}

// TestUnseenAuto: --deep=auto promises nothing.
func TestUnseenAuto(t *testing.T) {
	d := &diagnosis{options: options{flags: diagnoseFlags{Deep: deepAuto}}}
	d.unseen(t.Context(), "node w1", errors.New("that is why"))
	if len(d.notices) != 1 || d.notices[0].Kind != "note" {
		t.Errorf("%+v", d.notices)
	}
}

// TestDeadlineOfADeepRun: what the deadline has ended is told, what the user has is not
// told twice.
func TestDeadlineOfADeepRun(t *testing.T) {
	d := newDeepCluster(1)
	d.hangs = true
	got := d.run(t, t.Context(), "pod", "web-0", "--deep", "--deadline", "1s")
	if got.code != 2 || !strings.Contains(got.stdout, "! node w1: ") {
		t.Errorf("exit status %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	run := &diagnosis{}
	run.unseen(ctx, "node w1", ctx.Err())
	if len(run.notices) != 0 {
		t.Errorf("%+v", run.notices)
	}
}

// TestProfileTold: the report tells the privilege that was taken, not a smaller one.
func TestProfileTold(t *testing.T) {
	for _, tt := range []struct {
		args    []string
		profile string
	}{
		{[]string{"node", "w1"}, inject.NodeBasic},
		{[]string{"node", "w1", "--deep"}, inject.NetAdmin},
		{[]string{"node", "w1", "--deep=auto"}, inject.NetAdmin},
		{[]string{"service", "web", "--from", "node/w1", "--deep"}, inject.NetAdmin},
		{[]string{"service", "web", "--from", "node/w1"}, inject.NodeBasic},
		{[]string{"pod", "web-0", "--deep=auto"}, inject.Restricted},
	} {
		f := &fakeBackend{}
		got := runWith(t, t.Context(), f, tt.args...)
		if f.opts.Profile != tt.profile || f.asked.Profile != tt.profile || !strings.Contains(got.stdout, "profile "+tt.profile) {
			t.Errorf("%q: placed with %s, told as %s, want %s:\n%s", tt.args, f.opts.Profile, f.asked.Profile, tt.profile, got.stdout)
		}
	}
}

// TestWebhookTold: a webhook that nobody can ask is told once, however many nodes cannot
// be looked at, and is what the verdict is made of.
func TestWebhookTold(t *testing.T) {
	webhook := &facts.Webhook{Name: "policy.example.com", Why: `service "gone" not found`}
	refused := &inject.Error{Kind: inject.ErrWebhook, Text: "that is why", Webhook: webhook}
	d := newDeepCluster(3, "w2", "w3")
	d.breaks, d.refuses = []string{"w1", "w2", "w3"}, refused
	got := d.run(t, t.Context(), "pod", "web-0", "--deep")
	if n := strings.Count(got.stdout, "no look at"); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, got.stdout)
	}
	says(t, "stdout", got.stdout, []string{`no look at the nodes: the API server cannot ask admission webhook "policy.example.com"`})
	if d.last == nil || d.last.Webhook != webhook {
		t.Error("causes do not know of it")
	}
	d = newDeepCluster(3, "w2", "w3")
	d.breaks, d.refuses = []string{"w3", "w2"}, refused
	got = d.run(t, t.Context(), "pod", "web-0", "--deep")
	says(t, "stdout", got.stdout, []string{`no look at nodes w2, w3: the API server cannot ask`})
	d = newDeepCluster(2, "w2")
	d.breaks, d.refuses = []string{"w2"}, refused
	got = d.run(t, t.Context(), "node", "w1", "--deep")
	says(t, "stdout", got.stdout, []string{`no look at node w2: the API server cannot ask`})
	d = newDeepCluster(1)
	d.breaks, d.refuses = []string{"web-0"}, refused
	got = d.run(t, t.Context(), "pod", "web-0")
	if d.last == nil || d.last.Webhook != webhook || got.code != 2 {
		t.Errorf("status %d, causes know of %v", got.code, d.last)
	}
}

// TestKubeletTold: causes know of a kubelet that is not reached, whether it is that of the
// pod to look from or of a node that is looked at.
func TestKubeletTold(t *testing.T) {
	kubelet := &facts.Kubelet{Node: "w1"}
	d := newDeepCluster(1)
	d.cuts, d.kubelet = "that is why", kubelet
	if got := d.run(t, t.Context(), "pod", "web-0", "--deep"); d.last == nil || d.last.Kubelet != kubelet || got.code != 2 {
		t.Errorf("of a node: status %d, causes know of %+v", got.code, d.last)
	}
	d = newDeepCluster(1)
	d.breaks, d.refuses = []string{"web-0"}, &inject.Error{Kind: inject.ErrKubelet, Text: "that is why", Kubelet: kubelet}
	if got := d.run(t, t.Context(), "pod", "web-0"); d.last == nil || d.last.Kubelet != kubelet || got.code != 2 {
		t.Errorf("of the pod: status %d, causes know of %+v", got.code, d.last)
	}
}

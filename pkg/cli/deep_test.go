package cli

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// Both ends are asked: first for what is wrong with them, and again after the failing
// checks were repeated, for what became of their packets.
func TestDeep(t *testing.T) {
	d := newDeepCluster(3, "w2")
	d.finds = found(diagnose.Likely)
	got := d.run(t, t.Context(), "pod", "web-0", "--deep")
	if got.code != 1 {
		t.Fatalf("exit status %d: %s%s", got.code, got.stdout, got.stderr)
	}
	says(t, "stdout", got.stdout, []string{"the cause of it"})
	const second = "node.bridge node.counters node.flows node.neightable"
	want := map[string][]string{
		"pod shop/web-0": {"external.host service.endpoint", "service.endpoint"},
		"node w1":        {"external.host node.counters", second}, "node w2": {"external.host node.counters", second},
	}
	if diff := cmp.Diff(want, d.sessions); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
	for at, p := range d.probes {
		if !p.closed {
			t.Errorf("the probe at %s was not closed", at)
		}
	}
	if o := d.options["node w2"]; o.Profile != inject.NetAdmin || o.KeepAlive == 0 || o.Lifetime <= o.KeepAlive {
		t.Errorf("a witness is placed with %+v", o)
	}
	// Beside what fails, one that passed: it is to be in the same tables.
	if len(d.repeated) != 2 || d.repeated[1].Target != "10.244.3.2:80" || d.repeated[1].Attempts != 1 || d.repeated[0].Target != "10.244.2.2:80" || d.repeated[0].Attempts != repeatAttempts || d.repeated[0].Timeout.D() != repeatTimeout {
		t.Errorf("repeated: %+v", d.repeated)
	}
	// The attempt without an address of its own cannot be looked up.
	if flows := []checks.Flow{{Protocol: facts.TCP, Src: netip.MustParseAddrPort("10.244.1.12:40100"), Dst: netip.MustParseAddrPort("10.244.2.2:80")}}; !slices.Equal(flows, d.asked) {
		t.Errorf("looked up %v, want %v", d.asked, flows)
	}
	moved := map[string]map[string]uint64{"w1": {"ip.InReceives": 10}, "w2": {"ip.InReceives": 10}}
	if diff := cmp.Diff(moved, d.last.Moved); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	if n := len(d.last.Find(diagnose.Match{Check: "node.flows", Vantage: "node/"})); n != 2 || !d.last.Deep("w1") || !d.last.Deep("w2") || d.last.Deep("w3") {
		t.Errorf("%d readings of flows", n)
	}
}

func TestDeepWhere(t *testing.T) {
	windows := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w2"}}
	windows.Status.NodeInfo.OperatingSystem = "windows"
	noRight := []cluster.Rule{{Verb: "create", Resource: "pods", Namespace: "shop"}}
	optional := []cluster.Rule{{Verb: "list", Resource: "nodes", Optional: true}}
	tests := []struct {
		name    string
		cluster *deepCluster
		args    []string
		change  func(*deepCluster)
		want    []string // the nodes looked at
		code    int
		says    []string
	}{
		{name: "not asked for", cluster: newDeepCluster(2, "w2"), code: 1},
		{name: "said to be off", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=false"}, code: 1},
		{name: "nothing fails: the own node", cluster: newDeepCluster(2), args: []string{"--deep"}, want: []string{"w1"}},
		{name: "nothing fails: the node of what was asked for too", cluster: newDeepCluster(4), args: []string{"--deep"}, want: []string{"w1", "w3"}, change: func(d *deepCluster) { d.asks = "w3" }},
		{name: "something fails: that is what matters", cluster: newDeepCluster(4, "w2"), args: []string{"--deep"}, want: []string{"w1", "w2"}, code: 1, change: func(d *deepCluster) { d.asks = "w3" }},
		{name: "no more than a few nodes", cluster: newDeepCluster(9, "w2", "w3", "w4", "w5", "w6"), args: []string{"--deep"}, want: []string{"w1", "w2", "w3", "w4"}, code: 1},
		{name: "API only", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=auto", "--no-inject"}, code: 2},

		{name: "auto, and the cause is known", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=auto"}, code: 1, change: func(d *deepCluster) { d.finds = found(diagnose.Likely) }},
		{name: "auto, and there are candidates", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=auto"}, code: 1, change: func(d *deepCluster) { d.finds = found(diagnose.Possible) }, want: []string{"w1", "w2"}},
		{name: "auto, and nothing is known", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=auto"}, code: 1, want: []string{"w1", "w2"}},
		{name: "auto, and all is well", cluster: newDeepCluster(2), args: []string{"--deep=auto"}},
		{name: "the cause is known, but it was asked for", cluster: newDeepCluster(2, "w2"), args: []string{"--deep=true"}, code: 1, change: func(d *deepCluster) { d.finds = found(diagnose.Certain) }, want: []string{"w1", "w2"}},

		{name: "no probe at one end", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1"},
			change: func(d *deepCluster) { d.breaks, d.finds = []string{"w2"}, found(diagnose.Likely) },
			says:   []string{"no look at node w2: create pod: exceeded quota", "the cause of it"}},
		{name: "no probe at either end", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1,
			change: func(d *deepCluster) { d.breaks, d.finds = []string{"w1", "w2"}, found(diagnose.Likely) },
			says:   []string{"no look at node w1: create pod", "no look at node w2: create pod", "the cause of it"}},
		{name: "a node that no probe can run on", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1"},
			change: func(d *deepCluster) { d.fakeBackend.nodes = map[string]*corev1.Node{"w2": windows} },
			says:   []string{"no look at node w2: node w2 runs Windows"}},
		{name: "a node whose facts cannot be had", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1"},
			change: func(d *deepCluster) { d.unread = []string{"w2"} },
			says:   []string{"no look at node w2: get nodes: forbidden"}},
		{name: "a probe that stays", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1", "w2"},
			change: func(d *deepCluster) { d.closes = []string{"w2"} },
			says:   []string{"the probe's pod on node w2 may be left: forbidden", "kubectl netlook cleanup -n shop"}},

		{name: "no right to run probes on nodes", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1,
			change: func(d *deepCluster) { d.finds = found(diagnose.Likely); d.deny(noRight, nil) },
			says:   []string{"no look at the nodes: no right to create pods", "kubectl netlook rbac --for node -n shop --user jane | kubectl apply -f -", "the cause of it"}},
		{name: "no right that would be needed", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1", "w2"},
			change: func(d *deepCluster) { d.deny(optional, nil) }},
		{name: "rights cannot be asked for", cluster: newDeepCluster(2, "w2"), args: []string{"--deep"}, code: 1, want: []string{"w1", "w2"},
			change: func(d *deepCluster) { d.deny(noRight, errors.New("boom")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.cluster
			if tt.change != nil {
				tt.change(d)
			}
			got := d.run(t, t.Context(), append([]string{"pod", "web-0"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit status %d, want %d: %s", got.code, tt.code, got.stderr)
			}
			if diff := cmp.Diff(tt.want, d.witnessed()); diff != "" {
				t.Errorf("nodes looked at (-want +got):\n%s", diff)
			}
			for at, p := range d.probes {
				if !p.closed {
					t.Errorf("the probe at %s was not closed", at)
				}
			}
			if tt.says != nil {
				says(t, "stdout", got.stdout, tt.says)
			} else if strings.Contains(got.stdout, "no look at") {
				t.Errorf("it complains:\n%s", got.stdout)
			}
		})
	}
}

// From a node, its own kernel is looked at already: only the other end is summoned.
func TestDeepFromANode(t *testing.T) {
	d := newDeepCluster(3, "w1", "w2")
	got := d.run(t, t.Context(), "node", "w1", "--deep", "--probe-namespace", "probes")
	if got.code != 1 {
		t.Errorf("exit status %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if diff := cmp.Diff([]string{"w1", "w2"}, d.witnessed()); diff != "" || d.injected != 2 {
		t.Errorf("%d probes at (-want +got):\n%s", d.injected, diff)
	}
	if o := d.options["node w1"]; o.KeepAlive == 0 || o.Lifetime <= o.KeepAlive {
		t.Errorf("its probe would end before it is asked again: %+v", o)
	}
	// The own kernel is asked for the flows too: nobody else has what it translated.
	const second = "node.bridge node.counters node.flows node.neightable"
	if at := d.sessions["node w1"]; len(at) != 3 || at[2] != second || d.last.Moved["w1"] == nil {
		t.Errorf("asked of the own node: %q, moved %v", at, d.last.Moved)
	}
	if n := len(d.last.Find(diagnose.Match{Check: "node.flows", Vantage: "node/w1"})); n != 1 {
		t.Errorf("%d readings of flows of the own node", n)
	}
	if d.options["node w1"].Profile != inject.NetAdmin || d.options["node w2"].Profile != inject.NetAdmin || d.access.ProbeNamespace != "probes" || d.at.namespace != "probes" {
		t.Errorf("reviewed %+v, placed at %+v", d.access, d.at)
	}
}

// Whoever interrupts the look at the nodes must not leave pods on them.
func TestDeepInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := newDeepCluster(2, "w2")
	d.onWitness = cancel
	got := d.run(t, ctx, "pod", "web-0", "--deep")
	// A failure was found until then.
	if got.code != 1 || len(d.witnessed()) != 2 {
		t.Errorf("exit status %d, looked at %q", got.code, d.witnessed())
	}
	for at, p := range d.probes {
		if !p.closed {
			t.Errorf("the probe at %s was not closed", at)
		}
	}
	says(t, "stderr", got.stderr, []string{"error: interrupted"})
}

func TestFlowOf(t *testing.T) {
	result := func(id, target string) check.Result {
		return check.Result{Check: id, Label: check.Label{Target: target}}
	}
	for _, tt := range []struct {
		name   string
		result check.Result
		local  string
		want   string
	}{
		{"TCP", result("service.vip", "10.96.0.80:80"), "10.1.0.9:4000", "TCP 10.1.0.9:4000 10.96.0.80:80"},
		{"UDP", result("target.udp", "[fd00::1]:80 udp"), "[fd00::9]:4000", "UDP [fd00::9]:4000 [fd00::1]:80"},
		{"DNS", result("dns.cluster", "10.96.0.10 udp A"), "10.1.0.9:4000", "UDP 10.1.0.9:4000 10.96.0.10:53"},
		{"no source", result("service.vip", "10.96.0.80:80"), "", ""},
		{"no address", result("external.host", "example.com:443"), "10.1.0.9:4000", ""},
	} {
		got := ""
		if flow, ok := flowOf(tt.result, check.Attempt{Local: tt.local}); ok {
			got = string(flow.Protocol) + " " + flow.Src.String() + " " + flow.Dst.String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

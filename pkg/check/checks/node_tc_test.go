package checks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestJudgeAttached(t *testing.T) {
	pod := facts.Link{Name: "lxc1", Kind: "veth", PeerNetns: 0}
	links := []facts.Link{{Name: "eth0", Index: 2, PeerNetns: -1}, pod, {Name: "docker0", Kind: "bridge", PeerNetns: -1}}
	routes := []facts.Route{{Dst: "default", Dev: "eth0", Type: "unicast"}}
	program := func(dev, hook, name string) facts.Attached {
		return facts.Attached{Dev: dev, Hook: hook, Direction: "ingress", Decides: true, ID: 7, Program: name}
	}
	redirect := facts.Attached{Dev: "eth0", Hook: facts.TC, Direction: "ingress", Kind: "u32", Takes: []string{"redirect to nl0 (bridge)"}, Match: &facts.Match{DstPort: facts.Ports{First: 80, Last: 80}}}
	mirror := redirect
	mirror.Takes = nil
	cilium := program("lxc1", facts.TC, "cil_from_container")
	for _, tt := range []struct {
		name, plugin string
		attached     []facts.Attached
		unread       error
		want         check.Status
		says         string
	}{
		{"nothing", "flannel", nil, nil, check.Pass, "no filter and no program at any of 3 interfaces (XDP, tc, tcx)"},
		{"nothing, and tcx may not be read", "flannel", nil, errors.New("operation not permitted"), check.Pass, "no filter and no program at any of 3 interfaces (XDP, tc; those of tcx may not be read)"},
		{"the plugin's own", "Cilium", []facts.Attached{cilium}, nil, check.Pass, "1 programs at interfaces (XDP, tc, tcx), all of them Cilium's"},
		{"the plugin's own, whose name may not be read", "Cilium", []facts.Attached{cilium, program("eth0", facts.XDP, "")}, nil, check.Pass, "2 filters and programs at interfaces (XDP, tc, tcx), 1 of them Cilium's by their names"},
		{"the plugin's own, without names", "Cilium", []facts.Attached{program("lxc1", facts.TCX, ""), program("eth0", facts.TCX, "")}, nil, check.Pass, "2 programs at interfaces (XDP, tc, tcx), whose names may not be read here"},
		{"a former plugin's", "flannel", []facts.Attached{cilium}, nil, check.Warn, "tc ingress of lxc1, program 7 cil_from_container"},
		{"a plugin's, where none is known", "", []facts.Attached{cilium}, nil, check.Pass, "1 filters and programs"},
		{"nobody's, where none is known", "", []facts.Attached{program("eth0", facts.TCX, "")}, nil, check.Pass, "1 programs at interfaces (XDP, tc, tcx), whose names"},
		{"a pod's, by a name of nobody's, where no plugin is known", "", []facts.Attached{program("lxc1", facts.TC, "handle_egress")}, nil, check.Pass, "1 filters and programs"},
		{"the same at the node's way out", "", []facts.Attached{program("eth0", facts.TC, "handle_egress")}, nil, check.Warn, "tc ingress of eth0, program 7 handle_egress"},
		{"a pod's filter that redirects, where no plugin is known", "", []facts.Attached{{Dev: "lxc1", Hook: facts.TC, Direction: "ingress", Kind: "u32", Takes: redirect.Takes}}, nil, check.Warn, "tc ingress of lxc1"},
		{"nobody's, on flannel", "flannel", []facts.Attached{program("eth0", facts.TCX, "")}, nil, check.Warn, "tcx ingress of eth0, program 7"},
		{"an agent's, beside Cilium's", "Cilium", []facts.Attached{cilium, program("eth0", facts.TCX, "guard")}, nil, check.Warn, "tcx ingress of eth0, program 7 guard"},
		{"a redirect, beside Cilium's", "Cilium", []facts.Attached{cilium, redirect}, nil, check.Warn, "tc ingress of eth0, u32 pref 0"},
		{"a mirror", "flannel", []facts.Attached{mirror}, nil, check.Pass, "1 filters and programs"},
		{"where no pod's packets pass", "flannel", []facts.Attached{program("docker0", facts.TC, "guard")}, nil, check.Pass, "1 filters and programs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeAttached(tcParams{Plugin: tt.plugin}, facts.Kernel{Links: links, Routes: routes, Attached: tt.attached}, tt.unread)
			if r.Status != tt.want || !strings.HasPrefix(r.Summary, tt.says) {
				t.Errorf("%s %q, want %s %q", r.Status, r.Summary, tt.want, tt.says)
			}
			if r.Kernel == nil || len(r.Kernel.Attached) != len(tt.attached) {
				t.Errorf("kernel %+v", r.Kernel)
			}
			told := false
			for _, e := range r.Evidence {
				told = told || e.Key == "tcx"
			}
			if told != (tt.unread != nil) {
				t.Errorf("evidence %+v", r.Evidence)
			}
		})
	}
}

// TestPodsBehind: a bridge's port leads to the pod whose MAC it has learned there; a
// routed plugin's interface to its neighbours and routes.
func TestPodsBehind(t *testing.T) {
	k := facts.Kernel{
		FDB: []facts.FDBEntry{
			{MAC: "0A:00:00:00:00:03", Dev: "vetha"},
			{MAC: "0a:00:00:00:00:01", Dev: "vetha", State: "permanent"}, // its own
		},
		Neighbours: []facts.Neighbour{
			{IP: "10.2.0.3", Dev: "cni0", MAC: "0a:00:00:00:00:03"}, {IP: "10.2.0.4", Dev: "cni0", MAC: "0a:00:00:00:00:04"},
			{IP: "10.2.0.1", Dev: "cni0", MAC: "0a:00:00:00:00:01"}, {IP: "10.2.0.5", Dev: "eth0", MAC: "0a:00:00:00:00:03"},
			{IP: "10.2.0.9", Dev: "cali1", MAC: "0a:00:00:00:00:09"}, {IP: "fe80::9", Dev: "cali1", MAC: "0a:00:00:00:00:09"},
			{IP: "10.2.0.8", Dev: "cali1"},
		},
		Routes: []facts.Route{
			{Dst: "10.2.0.7/32", Dev: "cali1"}, {Dst: "10.2.0.0/24", Dev: "cali1"}, {Dst: "10.2.0.6/32", Dev: "cali1", Gateway: "10.2.0.7"},
			{Dst: "10.2.0.5/32", Dev: "cali1", Table: 7}, {Dst: "10.2.0.2/32", Dev: "cali2"},
		},
	}
	for _, tt := range []struct {
		link facts.Link
		want []string
	}{
		{facts.Link{Name: "vetha", Kind: "veth", Master: "cni0"}, []string{"10.2.0.3"}},
		{facts.Link{Name: "vethb", Kind: "veth", Master: "cni0"}, nil},
		{facts.Link{Name: "cali1", Kind: "veth"}, []string{"10.2.0.9", "10.2.0.7"}},
	} {
		if got := podsBehind(k, tt.link); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.link.Name, got, tt.want)
		}
	}
	many := facts.Kernel{}
	for i := range 300 {
		many.Routes = append(many.Routes, facts.Route{Dst: fmt.Sprintf("10.2.%d.%d/32", i/256, i%256), Dev: "cali1"})
	}
	if got := podsBehind(many, facts.Link{Name: "cali1"}); len(got) != maxPodsBehind {
		t.Errorf("%d pods behind one interface", len(got))
	}
}

// TestAttachedPods: only what leads to a pod has a pod behind it, not a node's own way out
// that happens to be a veth.
func TestAttachedPods(t *testing.T) {
	k := facts.Kernel{
		Links:      []facts.Link{{Name: "eth0", Kind: "veth", Addrs: []string{"192.168.0.2/24"}}, {Name: "cali1", Kind: "veth"}},
		Neighbours: []facts.Neighbour{{IP: "192.168.0.1", Dev: "eth0", MAC: "0a:00:00:00:00:01"}, {IP: "10.2.0.9", Dev: "cali1", MAC: "0a:00:00:00:00:09"}},
		Attached:   []facts.Attached{{Dev: "eth0", Hook: facts.TCX, Decides: true, ID: 1}, {Dev: "cali1", Hook: facts.TCX, Decides: true, ID: 2}},
	}
	attached := judgeAttached(tcParams{}, k, nil).Kernel.Attached
	if len(attached[0].Pods) > 0 || !slices.Equal(attached[1].Pods, []string{"10.2.0.9"}) {
		t.Errorf("%+v", attached)
	}
}

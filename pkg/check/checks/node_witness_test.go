package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// bridgeKernel is flannelKernel with the ports of its bridge.
func bridgeKernel() facts.Kernel {
	k := flannelKernel()
	on, off := true, false
	for i := range k.Links {
		k.Links[i].PeerNetns = -1
	}
	port := func(index int, name, master string, hairpin *bool) facts.Link {
		return facts.Link{Index: index, Name: name, Kind: "veth", Up: true, State: "up", Master: master, PeerIndex: 2, PeerNetns: index, Hairpin: hairpin, PortState: "forwarding"}
	}
	k.Links = append(k.Links[:4], port(5, "veth1", "cni0", &on), port(7, "veth2", "cni0", &off))
	return k
}

func TestDetachedVeths(t *testing.T) {
	veth := facts.Link{Index: 9, Name: "veth9", Kind: "veth", Up: true, State: "up", PeerIndex: 2, PeerNetns: 3}
	link := func(change func(*facts.Link)) facts.Link { l := veth; change(&l); return l }
	tests := []struct {
		name   string
		extra  facts.Link
		change func(*facts.Kernel)
		want   []string
	}{
		{name: "a pod's veth without a master", extra: veth, want: []string{"veth9"}},
		{name: "link-local address only", extra: link(func(l *facts.Link) { l.Addrs = []string{"fe80::1/64"} }), want: []string{"veth9"}},
		{name: "the underlay is a veth", extra: link(func(l *facts.Link) { l.Addrs = []string{"192.0.2.9/24"} })},
		{name: "the other end is here", extra: link(func(l *facts.Link) { l.PeerNetns = -1 })},
		{name: "a port of another bridge", extra: link(func(l *facts.Link) { l.Master = "docker0" })},
		{name: "a pod that is routed by its veth", extra: veth, change: func(k *facts.Kernel) {
			k.Routes = append(k.Routes, facts.Route{Dst: "10.244.1.9/32", Dev: "veth9", Type: "unicast"})
		}},
		{name: "a CNI that attaches none", extra: veth, change: func(k *facts.Kernel) {
			for i := range k.Links {
				k.Links[i].Master = ""
			}
		}},
		{name: "the bridge is somebody else's", extra: veth, change: func(k *facts.Kernel) { k.Links[3].Addrs = []string{"172.17.0.1/16"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := params(t, "node.bridge", flannelCluster())
			k := bridgeKernel()
			k.Links = append(k.Links, tt.extra)
			if tt.change != nil {
				tt.change(&k)
			}
			var got []string
			for _, l := range detachedVeths(p, k) {
				got = append(got, l.Name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A veth that a CNI is just about to attach is no finding; one that stays is.
func TestRunBridgeWaits(t *testing.T) {
	p, _ := params(t, "node.bridge", flannelCluster())
	for _, attaches := range []bool{true, false} {
		reads := 0
		r := runBridge(t.Context(), p, func() (facts.Kernel, error) {
			reads++
			k := bridgeKernel()
			if !attaches || reads < 3 {
				k.Links[5].Master, k.Links[5].Hairpin = "", nil
			}
			return k, nil
		})
		want := check.Warn
		if attaches {
			want = check.Pass
		}
		if r.Status != want || len(r.Kernel.Links) != 6 || !attaches && !strings.Contains(r.Summary, "veth2") {
			t.Errorf("attaches %v: %s %q after %d reads", attaches, r.Status, r.Summary, reads)
		}
	}
}

func TestJudgeBridgeTellsHairpin(t *testing.T) {
	r := judgeBridge(bridgeKernel(), nil)
	if r.Status != check.Pass || evidenceIn(r, "hairpin") != "off on 1 of 2 ports of cni0" || r.Summary != "cni0 has 2 ports" {
		t.Errorf("%s %q %+v", r.Status, r.Summary, r.Evidence)
	}
}

func TestJudgeProxy(t *testing.T) {
	rules := facts.Proxy{Rules: []string{"nftables ip kube-proxy"}}
	tests := []struct {
		name string
		seen proxySeen
		want check.Status
	}{
		{"healthy", proxySeen{Proxy: facts.Proxy{Healthy: true, Health: "200 OK", Mode: "nftables"}, Where: "127.0.0.1:10256"}, check.Pass},
		{"draining", proxySeen{Proxy: facts.Proxy{Health: "503"}, Live: true, Where: "127.0.0.1:10256"}, check.Pass},
		{"sick", proxySeen{Proxy: facts.Proxy{Health: "503"}, Where: "127.0.0.1:10256"}, check.Fail},
		{"health is elsewhere", proxySeen{Proxy: facts.Proxy{Mode: "iptables", Rules: rules.Rules}, Refused: true}, check.Pass},
		{"dead, its rules are left", proxySeen{Proxy: rules, Refused: true}, check.Fail},
		{"dead, its rules are left, and Cilium is here", proxySeen{Proxy: rules, Refused: true, Replaced: "Cilium"}, check.Warn},
		{"replaced", proxySeen{Refused: true}, check.Skipped},
		{"rules cannot be read", proxySeen{Refused: true, RulesErr: errors.New("operation not permitted")}, check.Skipped},
		{"hangs", proxySeen{Proxy: rules, Hangs: true}, check.Fail},
		{"something else hangs on its port", proxySeen{Hangs: true}, check.Skipped},
		{"filtered, not refused", proxySeen{Proxy: rules}, check.Skipped},
	}
	for _, tt := range tests {
		if r := judgeProxy(tt.seen); r.Status != tt.want || r.Kernel.Proxy == nil || (r.Failure == check.NotReady) != (tt.want == check.Fail) {
			t.Errorf("%s: %s %s %q", tt.name, r.Status, r.Failure, r.Summary)
		}
	}
}

func TestJudgeQdiscs(t *testing.T) {
	p := qdiscParams{IPs: addrs("192.0.2.1")}
	p.nodeParams, _ = params(t, "node.bridge", flannelCluster())
	tests := []struct {
		name string
		q    facts.Qdisc
		want check.Status
	}{
		{"default", facts.Qdisc{Dev: "eth0", Kind: "fq_codel", Drops: 3}, check.Pass},
		{"underlay limited", facts.Qdisc{Dev: "eth0", Kind: "tbf", Rate: 1e6}, check.Warn},
		{"tunnel delayed", facts.Qdisc{Dev: "flannel.1", Kind: "netem", DelayMs: 50}, check.Warn},
		{"bridge loses", facts.Qdisc{Dev: "cni0", Kind: "netem", LossPercent: 30}, check.Warn},
		{"a class with a rate", facts.Qdisc{Dev: "eth0", Kind: "htb", Class: "1:10", Rate: 1e6}, check.Warn},
		{"htb without classes", facts.Qdisc{Dev: "eth0", Kind: "htb"}, check.Pass},
		{"a pod's bandwidth annotation", facts.Qdisc{Dev: "veth1", Kind: "tbf", Rate: 1e6}, check.Pass},
		{"a pod's packets lost", facts.Qdisc{Dev: "veth1", Kind: "netem", LossPercent: 5}, check.Warn},
		{"an interface of somebody else", facts.Qdisc{Dev: "docker0", Kind: "tbf", Rate: 1e6}, check.Pass},
	}
	for _, tt := range tests {
		k := bridgeKernel()
		k.Qdiscs = []facts.Qdisc{tt.q}
		if r := judgeQdiscs(p, k); r.Status != tt.want {
			t.Errorf("%s: %s %q, want %s", tt.name, r.Status, r.Summary, tt.want)
		}
	}
}

func TestCarriersBelow(t *testing.T) {
	p := qdiscParams{IPs: addrs("192.0.2.1")}
	k := facts.Kernel{Links: []facts.Link{
		{Index: 1, Name: "eno1", Master: "bond0"}, {Index: 2, Name: "bond0", Kind: "bond", PeerNetns: -1},
		{Index: 3, Name: "bond0.7", Kind: "vlan", PeerIndex: 2, PeerNetns: -1, Addrs: []string{"192.0.2.1/24"}},
		{Index: 4, Name: "eno2"},
	}}
	got := carriers(p, k)
	if !got["eno1"] || !got["bond0"] || !got["bond0.7"] || got["eno2"] {
		t.Errorf("%v", got)
	}
}

func TestRuleText(t *testing.T) {
	rule := facts.Rule{Family: "ipv4", Priority: 100, Action: "lookup", Table: 1000, Src: "10.9.7.0/24", Mark: 7, Mask: 255, Suppress: -1}
	if got := describeRule(rule); got != "from 10.9.7.0/24 fwmark 0x7/0xff lookup 1000" {
		t.Error(got)
	}
	if defaultRule(rule) || !defaultRule(facts.Rule{Family: "ipv6", Priority: 32766, Action: "lookup", Table: 254, Suppress: -1}) {
		t.Error("default rules are not told from others")
	}
}

func TestLookUp(t *testing.T) {
	flows := make([]Flow, maxFlows+3)
	for i := range flows {
		flows[i] = Flow{Protocol: facts.TCP, Src: netip.AddrPortFrom(addrs("10.244.1.4")[0], uint16(i+1)), Dst: netip.MustParseAddrPort("10.96.0.1:80")}
	}
	asked := 0
	r := lookUp(t.Context(), flowsParams{Flows: flows}, nil, func(protocol string, src, dst netip.AddrPort) (facts.Flow, error) {
		asked++
		f := facts.Flow{Protocol: protocol, Orig: facts.Tuple{Src: src.String(), Dst: dst.String()}}
		if src.Port() == 1 {
			f.Found, f.DstNAT, f.State, f.Reply = true, true, "SYN_SENT", &facts.Tuple{Src: "10.244.2.7:8080", Dst: src.String()}
		}
		return f, nil
	})
	if r.Status != check.Pass || asked != maxFlows || len(r.Kernel.Flows) != maxFlows || r.Summary != fmt.Sprintf("1 of %d flows are tracked", maxFlows) {
		t.Errorf("%s %q, %d asked", r.Status, r.Summary, asked)
	}
	if r.Evidence[0] != (check.Evidence{Key: "tcp 10.244.1.4:1 to 10.96.0.1:80", Value: "sent to 10.244.2.7:8080, no answer, SYN_SENT"}) {
		t.Errorf("%+v", r.Evidence[0])
	}
	denied := lookUp(t.Context(), flowsParams{Flows: flows}, nil, func(string, netip.AddrPort, netip.AddrPort) (facts.Flow, error) {
		return facts.Flow{}, fmt.Errorf("ask: %w", syscall.EPERM)
	})
	if denied.Status != check.Skipped || denied.Skip.Unlock == "" {
		t.Errorf("%+v", denied)
	}
	timeouts := netsys.FlowTimeouts{"tcp_timeout_time_wait": 120 * time.Second}
	reused := lookUp(t.Context(), flowsParams{Flows: flows[:2], Within: check.Duration(2 * time.Second)}, timeouts, func(protocol string, src, dst netip.AddrPort) (facts.Flow, error) {
		return facts.Flow{Protocol: protocol, Orig: facts.Tuple{Src: src.String(), Dst: dst.String()}, Found: true, State: "TIME_WAIT", Expires: 120 - 4*int(src.Port())}, nil
	})
	if got := reused.Kernel.Flows; !got[0].Found || got[1].Found || got[1].Orig.Src != flows[1].Src.String() || reused.Summary != "1 of 2 flows are tracked" {
		t.Errorf("a port that was used before: %q %+v", reused.Summary, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := lookUp(ctx, flowsParams{}, nil, nil); r.Status != check.Skipped {
		t.Errorf("nothing to look up: %s", r.Status)
	}
}

// The tasks of WitnessTasks must be ones that the registry can run.
func TestWitnessTasks(t *testing.T) {
	flows := make([]Flow, maxFlows+1)
	tasks := WitnessTasks(flows, time.Second)
	ids, looked := map[string]bool{}, 0
	for _, task := range tasks {
		if c, known := Registry.Get(task.Check); !known || c.Run == nil || ids[task.ID] || task.Timeout <= 0 || task.Title == "" {
			t.Errorf("%+v", task)
		}
		ids[task.ID] = true
		if task.Check == "node.flows" {
			var p flowsParams
			if err := json.Unmarshal(task.Params, &p); err != nil {
				t.Fatal(err)
			}
			looked += len(p.Flows)
		}
	}
	if looked != len(flows) || len(tasks) != 5 || len(WitnessTasks(nil, 0)) != 3 {
		t.Errorf("%d tasks for %d flows", len(tasks), looked)
	}
}

func TestJudgeNeighbourTable(t *testing.T) {
	k := facts.Kernel{Sysctls: []facts.Sysctl{{Name: "net.ipv4.neigh.default.gc_thresh3", Value: "10"}}}
	for i := range 8 {
		k.Neighbours = append(k.Neighbours, facts.Neighbour{IP: fmt.Sprintf("10.244.1.%d", i), State: "reachable"})
	}
	tests := []struct {
		name  string
		state string
		arp   int
		want  check.Status
	}{
		{"room", "reachable", 0, check.Pass},
		{"full of other namespaces' entries", "reachable", 9, check.Warn},
		{"permanent entries do not count", "permanent", 9, check.Pass},
	}
	for _, tt := range tests {
		k.Neighbours[0].State = tt.state
		if r := judgeNeighbourTable(k, tt.arp, 0); r.Status != tt.want {
			t.Errorf("%s: %s %q", tt.name, r.Status, r.Summary)
		}
	}
}

// Rules that drop are no trouble; two backends at once are told.
func TestJudgeFilter(t *testing.T) {
	packets := uint64(7)
	drops := []facts.Drop{{Family: "ip", Table: "filter", Chain: "FORWARD", Handle: 12, Hook: "forward", Verdict: "drop", Packets: &packets, Match: &facts.Match{Dst: "10.0.0.1/32"}}}
	old := facts.Drop{Family: "ip", Table: "filter", Chain: "FORWARD", Legacy: true, Rule: "-s 10.0.0.0/8 -j DROP", Hook: "forward", Verdict: "drop", Packets: &packets}
	for _, tt := range []struct {
		name   string
		in     filters
		status check.Status
		says   string
	}{
		{"none", filters{}, check.Pass, "0 rules"},
		{"one that counts", filters{drops: drops}, check.Pass, "ip filter FORWARD handle 12: drop in forward, ip daddr 10.0.0.1/32, 7 packets"},
		{"the old iptables alone", filters{legacy: netsys.LegacyFilter{Tables: []string{"filter"}, Drops: []facts.Drop{old}}}, check.Pass,
			"iptables-legacy filter FORWARD -s 10.0.0.0/8 -j DROP: drop in forward, 7 packets"},
		{"both", filters{drops: drops, legacy: netsys.LegacyFilter{Tables: []string{"filter", "nat"}}}, check.Warn, "iptables-legacy (filter, nat) at once"},
		{"a policy of the old one", filters{drops: drops, legacy: netsys.LegacyFilter{Drops: []facts.Drop{old}}}, check.Warn, "iptables-legacy (policies) at once"},
		{"the old one cannot be read", filters{drops: drops, legacyErr: errors.New("boom")}, check.Pass, "cannot be read: boom"},
		{"no right", filters{err: syscall.EPERM, legacyErr: syscall.EPERM}, check.Skipped, "NET_ADMIN"},
		{"broken", filters{err: errors.New("boom")}, check.Error, "boom"},
	} {
		r := judgeFilter(tt.in)
		if r.Status != tt.status || r.Failure != "" || !strings.Contains(everything(r), tt.says) {
			t.Errorf("%s: %s %q, want %s with %q", tt.name, r.Status, everything(r), tt.status, tt.says)
		}
	}
}

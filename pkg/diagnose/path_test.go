package diagnose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// ownInterface is what the client's probe reads of its own interface.
func ownInterface() check.Result {
	return check.Result{Vantage: client, Check: "vantage.interface", TaskID: "links", Status: check.Pass, Kernel: &facts.Kernel{Links: []facts.Link{
		{Index: 1, Name: "lo", Addrs: []string{"127.0.0.1/8"}, Up: true},
		{Index: 2, Name: "eth0", Kind: "veth", MTU: 1450, Addrs: []string{"10.1.0.9/24"}, Up: true, PeerIndex: 7},
	}}}
}

// nodeLinksOf are a node's interfaces as flannel makes them, with one pod's veth.
func nodeLinksOf(node string, n int, master string) check.Result {
	return check.Result{Vantage: "node/" + node, Check: "node.bridge", TaskID: "bridge", Status: check.Pass, Kernel: &facts.Kernel{
		Links: []facts.Link{
			{Index: 2, Name: "ens3", Kind: "device", MTU: 1500, Addrs: []string{fmt.Sprintf("192.168.0.%d/24", n)}, Up: true},
			{Index: 3, Name: "flannel.1", Kind: "vxlan", MTU: 1450, Up: true, VXLAN: &facts.VXLAN{Port: 8472, Device: 2}},
			{Index: 4, Name: "cni0", Kind: "bridge", MTU: 1450, Addrs: []string{fmt.Sprintf("10.%d.0.1/24", n)}, Up: true},
			{Index: 7, Name: "veth7" + node, Kind: "veth", MTU: 1450, Up: true, PeerIndex: 2, Master: master},
		},
		Neighbours: []facts.Neighbour{{IP: fmt.Sprintf("10.%d.0.2", n), Dev: "cni0", MAC: "02:00:00:00:00:02"}},
		FDB:        []facts.FDBEntry{{MAC: "02:00:00:00:00:02", Dev: "veth7" + node}},
	}}
}

// text is a path in a line: ok, (broken), ?suspect?, .unknown.
func (p *Path) text() string {
	if p == nil {
		return ""
	}
	form := map[PathStatus]string{HopOK: "%s", HopBroken: "(%s)", HopSuspect: "?%s?", HopUnknown: ".%s."}
	var parts []string
	for i, h := range p.Hops {
		name := string(h.Kind) + " " + h.Name
		if h.Note != "" {
			name += ", " + h.Note
		}
		parts = append(parts, fmt.Sprintf(form[h.Status], name))
		if i < len(p.Links) && (p.Links[i].Status == HopBroken || p.Links[i].Status == HopSuspect) {
			parts = append(parts, fmt.Sprintf(form[p.Links[i].Status], p.Links[i].Kind+" "+p.Links[i].Note))
		}
	}
	return strings.Join(parts, " > ")
}

func TestPaths(t *testing.T) {
	dark := silent("service.endpoint", "10.2.0.2:80")
	refused := tried(client, "service.endpoint", "10.2.0.2:80", check.Fail, check.Refused, 3)
	vip := silent("service.vip", "10.96.0.80:80")
	deep := []check.Result{ownInterface(), nodeLinksOf("a", 1, "cni0"), nodeLinksOf("b", 2, "cni0")}
	tests := []struct {
		name    string
		finding Finding
		results []check.Result
		moved   map[string]map[string]uint64
		want    string
	}{
		{"only what was read is drawn", Finding{Spot: Spot{AtUnderlay, "lost"}, Confidence: Likely}, []check.Result{dark}, nil,
			"pod client > .node a. > (network lost) > .node b. > .peer 10.2.0.2:80."},
		{"the pod's interface by its own probe", Finding{Spot: Spot{AtNode, "full"}, Where: []string{"node/b"}, Confidence: Possible}, []check.Result{dark, ownInterface()}, nil,
			"pod client > interface eth0 > .node a. > ?node b, full? > .peer 10.2.0.2:80."},
		{"a node is proven by who answers behind it", Finding{Spot: Spot{AtPeer, "no answer"}, Confidence: Likely}, []check.Result{dark, answers("service.endpoint", "10.2.0.3:80")}, nil,
			"pod client > node a > node b > (peer 10.2.0.2:80, no answer)"},
		{"a refusal proves the whole way", Finding{Spot: Spot{AtApp, "refused"}, Confidence: Likely}, []check.Result{refused}, nil,
			"pod client > node a > node b > peer 10.2.0.2:80 > (app port 80/tcp, refused)"},
		{"the devices of both nodes", Finding{Spot: Spot{AtUnderlay, "lost"}, Confidence: Certain}, append([]check.Result{dark}, deep...),
			map[string]map[string]uint64{"a": {"dev.flannel.1.txPackets": 8}, "b": {}},
			"pod client > interface eth0 > veth veth7a > bridge cni0 > overlay flannel.1, sent 8 > .underlay ens3. > (tunnel UDP 8472 lost) > .underlay ens3. > .overlay flannel.1, received 0. > .bridge cni0. > .veth veth7b. > .peer 10.2.0.2:80."},
		{"a detached veth", Finding{Spot: Spot{AtVeth, "detached"}, Where: []string{"node/a"}, Confidence: Certain}, []check.Result{dark, ownInterface(), nodeLinksOf("a", 1, "")}, nil,
			"pod client > interface eth0 > (veth veth7a, detached) > .bridge cni0. > .overlay flannel.1. > .underlay ens3. > .node b. > .peer 10.2.0.2:80."},
		{"the device that the headline names", Finding{Spot: Spot{AtBridge, "down"}, Headline: "on node b: flannel.1 is down", Where: []string{"node/b"}, Confidence: Certain}, append([]check.Result{dark}, deep...), nil,
			"pod client > interface eth0 > .veth veth7a. > .bridge cni0. > .overlay flannel.1. > .underlay ens3. > .underlay ens3. > (overlay flannel.1, down) > .bridge cni0. > .veth veth7b. > .peer 10.2.0.2:80."},
		{"within one node there is one bridge", Finding{Spot: Spot{AtBridge, "no hairpin"}, Where: []string{"node/a"}, Confidence: Certain}, append([]check.Result{silent("service.endpoint", "10.1.0.2:80")}, deep...), nil,
			"pod client > interface eth0 > .veth veth7a. > (bridge cni0, no hairpin) > .veth veth7a. > .peer 10.1.0.2:80."},
		{"a service's address is turned on the own node", Finding{Spot: Spot{AtService, "dropped"}, Confidence: Likely}, []check.Result{dark, vip}, nil,
			"pod client > .node a. > (service service shop/web, dropped)"},
		{"what is on no way is not drawn", Finding{Confidence: Certain}, []check.Result{dark}, nil, ""},
		{"nor what explains nothing that was sent from here", Finding{Spot: Spot{AtPeer, "x"}, Confidence: Certain}, []check.Result{tried("node/b", "target.tcp", "10.2.0.2:80", check.Fail, check.Timeout, 3)}, nil, ""},
		{"nor a network between nodes on a way within one", Finding{Spot: Spot{AtBetween, "slow"}, Confidence: Certain}, []check.Result{silent("service.endpoint", "10.1.0.2:80")}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCase(cluster(), tt.results)
			c.Moved = tt.moved
			tt.finding.Explains = c.Failed()
			p := c.pathOf(tt.finding)
			if diff := cmp.Diff(tt.want, p.text()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p != nil && len(p.Links) != len(p.Hops)-1 {
				t.Errorf("%d links join %d hops", len(p.Links), len(p.Hops))
			}
		})
	}
}

// TestPathWithoutBridge: a plugin without Linux bridges has none drawn.
func TestPathWithoutBridge(t *testing.T) {
	near := nodeLinksOf("a", 1, "")
	near.Kernel.Links[1].Name = "cilium_vxlan"
	near.Kernel.Links[2] = facts.Link{Index: 4, Name: "cilium_host", Kind: "veth", MTU: 1500, Up: true, PeerNetns: -1}
	c := NewCase(cluster(), []check.Result{silent("service.endpoint", "10.2.0.2:80"), ownInterface(), near})
	p := c.pathOf(Finding{Spot: Spot{AtNode, "a rule drops"}, Where: []string{"node/a"}, Confidence: Certain, Explains: c.Failed()})
	want := "pod client > interface eth0 > .veth veth7a. > (node a, a rule drops) > .overlay cilium_vxlan. > .underlay ens3. > .node b. > .peer 10.2.0.2:80."
	if diff := cmp.Diff(want, p.text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUncrossed: what nothing came through is not ok, though something came from a node
// that lies elsewhere, or from the far node's own address, which needs no tunnel.
func TestUncrossed(t *testing.T) {
	dark, third := silent("service.endpoint", "10.2.0.2:80"), answers("target.tcp", "10.3.0.2:80")
	host, stranger := answers("target.tcp", "192.168.0.2:22"), silent("target.tcp", "203.0.113.9:443")
	deep := []check.Result{ownInterface(), nodeLinksOf("a", 1, "cni0"), nodeLinksOf("b", 2, "cni0")}
	farNode := Finding{Spot: Spot{AtNode, "not ready"}, Where: []string{"node/b"}, Confidence: Certain}
	peer := Finding{Spot: Spot{AtPeer, "no answer"}, Confidence: Likely}
	lost := Finding{Spot: Spot{AtUnderlay, "lost"}, Confidence: Certain}
	tests := []struct {
		name    string
		finding Finding
		results []check.Result
		hop     string     // kind and node
		is      PathStatus // of it
		link    PathStatus // before it
	}{
		{"a third node answers", farNode, []check.Result{dark, third}, "node b", HopBroken, HopUnknown},
		{"the far one does", farNode, []check.Result{dark, third, host}, "node b", HopBroken, HopOK},
		{"a stranger, and only others answer", peer, []check.Result{stranger, third}, "peer ", HopBroken, HopUnknown},
		{"a stranger that refuses", Finding{Spot: Spot{AtApp, "refused"}, Confidence: Likely}, []check.Result{tried(client, "target.tcp", "203.0.113.9:443", check.Fail, check.Refused, 3), third}, "peer ", HopBroken, HopOK},
		{"a third node's own address, for the tunnel", lost, append([]check.Result{dark, answers("target.tcp", "192.168.0.3:22")}, deep...), "overlay a", HopUnknown, HopUnknown},
		{"and for what carries it", lost, append([]check.Result{dark, answers("target.tcp", "192.168.0.3:22")}, deep...), "underlay a", HopOK, HopUnknown},
		{"the far node's own, for the tunnel", peer, append([]check.Result{dark, host}, deep...), "overlay b", HopUnknown, HopUnknown},
		{"and for its near end", peer, append([]check.Result{dark, host}, deep...), "overlay a", HopUnknown, HopUnknown},
		{"and for the link between", peer, append([]check.Result{dark, host}, deep...), "underlay b", HopOK, HopUnknown},
		{"a far pod's", peer, append([]check.Result{dark, answers("target.tcp", "10.2.0.3:80")}, deep...), "overlay b", HopOK, HopOK},
		{"a far pod's, for the link between", peer, append([]check.Result{dark, answers("target.tcp", "10.2.0.3:80")}, deep...), "underlay b", HopOK, HopOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCase(cluster(), tt.results)
			tt.finding.Explains = c.Failed()
			p := c.pathOf(tt.finding)
			if p == nil {
				t.Fatal("no path")
			}
			for i, h := range p.Hops {
				if string(h.Kind)+" "+h.Node != tt.hop {
					continue
				}
				if h.Status != tt.is || p.Links[i-1].Status != tt.link {
					t.Errorf("hop %s, link before it %s; want %s and %s: %s", h.Status, p.Links[i-1].Status, tt.is, tt.link, p.text())
				}
				return
			}
			t.Errorf("no %s: %s", tt.hop, p.text())
		})
	}
}

func TestMergePaths(t *testing.T) {
	c := NewCase(cluster(), []check.Result{silent("service.endpoint", "10.2.0.2:80")})
	var list []Finding
	for _, spot := range []Spot{{AtNode, "full"}, {AtBetween, "lost"}, {AtNode, "a rule drops"}} {
		f := Finding{Spot: spot, Where: []string{"node/b"}, Confidence: Possible, Explains: c.Failed()}
		f.Path = c.pathOf(f)
		list = append(list, f)
	}
	list = append(list, Finding{Code: "on no way"})
	want := "pod client > .node a. > ?network lost? > ?node b? > .peer 10.2.0.2:80."
	if got := MergePaths(list).text(); got != want {
		t.Errorf("merged: %s\nwant:   %s", got, want)
	}
	if got := list[0].Path.text(); strings.Contains(got, "lost") {
		t.Errorf("merging changed the first: %s", got)
	}
	if MergePaths(nil) != nil {
		t.Error("a path of nothing")
	}
}

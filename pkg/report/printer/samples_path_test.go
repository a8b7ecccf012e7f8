package printer_test

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// deep is a run with --deep that found the tunnel between two nodes blocked: its path
// has the devices of both.
func deep() report.Input {
	in := failing()
	var keys []string
	for _, r := range in.Results {
		if diagnose.Bad(r) {
			keys = append(keys, diagnose.Key(r))
		}
	}
	for _, node := range []string{"w1", "w2"} {
		in.Results = append(in.Results, check.Result{
			TaskID: "node.links", Check: "node.links", Vantage: "node/" + node, Status: check.Pass, Summary: "cni0 up, MTU 1450, flannel.1 up, MTU 1450",
			Label: check.Label{Area: "node", Title: "links", Target: node}, Duration: ms(2.5),
		})
	}
	in.Verdict = diagnose.Verdict{Causes: []diagnose.Finding{{
		Code: "NL-OVERLAY-BLOCKED", Confidence: diagnose.Certain,
		Headline: "the overlay between nodes w1 and w2 loses everything",
		Where:    []string{"node/w1", "node/w2", "the network between them"},
		Evidence: []string{"from node w1 no pod on node w2 answers: 10.244.2.7", "8 packets were sent through the tunnel of node w1 to node w2, whose tunnel received 0 meanwhile"},
		Explains: keys,
		Likely:   "a firewall or security group between the nodes drops the tunnel's port",
		Try:      []string{"kubectl netlook node w1", "kubectl netlook node w2"},
		Path:     overlayPath(),
	}}}
	return in
}

func overlayPath() *diagnose.Path {
	hop := func(kind diagnose.HopKind, name, node string, mtu int, note string, s diagnose.PathStatus) diagnose.PathHop {
		return diagnose.PathHop{Kind: kind, Name: name, Node: node, MTU: mtu, Note: note, Status: s}
	}
	link := func(kind string, s diagnose.PathStatus) diagnose.PathLink {
		return diagnose.PathLink{Kind: kind, Status: s}
	}
	p := &diagnose.Path{From: "pod/shop/checkout-7d9f", To: "10.244.2.7:8080", Hops: []diagnose.PathHop{
		hop(diagnose.HopPod, "checkout-7d9f", "w1", 0, "", diagnose.HopOK),
		hop(diagnose.HopInterface, "eth0", "w1", 1450, "", diagnose.HopOK),
		hop(diagnose.HopVeth, "vethc3a1", "w1", 1450, "", diagnose.HopOK),
		hop(diagnose.HopBridge, "cni0", "w1", 1450, "", diagnose.HopOK),
		hop(diagnose.HopOverlay, "flannel.1", "w1", 1450, "sent 8", diagnose.HopOK),
		hop(diagnose.HopUnderlay, "eth0", "w1", 1500, "", diagnose.HopOK),
		hop(diagnose.HopUnderlay, "eth0", "w2", 1500, "", diagnose.HopUnknown),
		hop(diagnose.HopOverlay, "flannel.1", "w2", 1450, "received 0", diagnose.HopUnknown),
		hop(diagnose.HopBridge, "cni0", "w2", 1450, "", diagnose.HopUnknown),
		hop(diagnose.HopPeer, "payments-x2x9f", "w2", 0, "", diagnose.HopUnknown),
	}, Links: []diagnose.PathLink{
		link(diagnose.LinkWire, diagnose.HopOK), link(diagnose.LinkWire, diagnose.HopOK), link(diagnose.LinkWire, diagnose.HopOK),
		link(diagnose.LinkWire, diagnose.HopOK), link(diagnose.LinkTunnel, diagnose.HopOK), link(diagnose.LinkTunnel, diagnose.HopBroken),
		link(diagnose.LinkTunnel, diagnose.HopUnknown), link(diagnose.LinkWire, diagnose.HopUnknown), link(diagnose.LinkWire, diagnose.HopUnknown),
	}}
	p.Links[5].Note = "UDP 8472 lost"
	return p
}

// suspected is the shallow run of the same: the way is short, and several places are
// suspect.
func suspected() []diagnose.Finding {
	way := func(at int) *diagnose.Path {
		p := &diagnose.Path{From: "pod/shop/checkout-7d9f", To: "10.244.2.7:8080", Hops: []diagnose.PathHop{
			{Kind: diagnose.HopPod, Name: "checkout-7d9f", Node: "w1", Status: diagnose.HopOK},
			{Kind: diagnose.HopInterface, Name: "eth0", Node: "w1", MTU: 1450, Status: diagnose.HopOK},
			{Kind: diagnose.HopNode, Name: "w1", Node: "w1", Status: diagnose.HopOK},
			{Kind: diagnose.HopNode, Name: "w2", Node: "w2", Status: diagnose.HopUnknown},
			{Kind: diagnose.HopPeer, Name: "payments-x2x9f", Node: "w2", Status: diagnose.HopUnknown},
		}, Links: []diagnose.PathLink{
			{Kind: diagnose.LinkWire, Status: diagnose.HopOK}, {Kind: diagnose.LinkWire, Status: diagnose.HopOK},
			{Kind: diagnose.LinkNetwork, Status: diagnose.HopUnknown}, {Kind: diagnose.LinkWire, Status: diagnose.HopUnknown},
		}}
		if at < 0 {
			p.Links[2].Status, p.Links[2].Note = diagnose.HopSuspect, "lost"
			return p
		}
		p.Hops[at].Status = diagnose.HopSuspect
		return p
	}
	return []diagnose.Finding{{Path: way(3)}, {Path: way(-1)}}
}

package causes

import "github.com/netlook/kubectl-netlook/pkg/facts"

// bridgePorts are the bridge of node a with the vantage pod's port, 7, and another one, 8.
func (w *world) bridgePorts(own, other bool) *world {
	yes := false
	return w.bridge(true).kernel("node.bridge a", facts.Kernel{Links: []facts.Link{
		{Index: 5, Name: "br0", Kind: "bridge", Up: true, State: "up", Addrs: []string{"10.1.0.1/24"}, MAC: "02:00:00:00:00:aa"},
		{Index: 7, Name: "vethx", Kind: "veth", Master: "br0", Up: true, State: "up", PortState: "forwarding", Hairpin: &yes, Isolated: own},
		{Index: 8, Name: "vethy", Kind: "veth", Master: "br0", Up: true, State: "up", PortState: "forwarding", Hairpin: &yes, Isolated: other},
	}})
}

// morePorts gives the bridge of node a three isolated ports: the vantage pod's, 8 and 9.
func morePorts(w *world) *world {
	w.bridgePorts(true, true)
	for _, r := range w.results {
		if r.Check == "node.bridge" && r.Kernel != nil {
			r.Kernel.Links = append(r.Kernel.Links, facts.Link{Index: 9, Name: "vethz", Kind: "veth", Master: "br0", Up: true, State: "up", Isolated: true})
		}
	}
	return w
}

// reads adds routes and neighbours to what the vantage pod reads of its interface.
func reads(w *world, more facts.Kernel) *world {
	for _, r := range w.results {
		if r.Check == "vantage.interface" {
			r.Kernel.Routes, r.Kernel.Neighbours = more.Routes, more.Neighbours
		}
	}
	return w
}

func isolatedPeer(port int) facts.Kernel {
	return facts.Kernel{Links: []facts.Link{{Name: "eth0", Kind: "veth", PeerIndex: port, MAC: "0a:00:00:00:00:02", Addrs: []string{"10.1.0.2/24"}}}}
}

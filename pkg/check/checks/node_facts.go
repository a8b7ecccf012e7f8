package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// nodePeer is what the checks of a node's kernel need to know of one node.
type nodePeer struct {
	Name     string              `json:"name"`
	PodCIDRs []netip.Prefix      `json:"podCIDRs,omitempty"`
	Flannel  *facts.FlannelLease `json:"flannel,omitempty"`
}

// nodeParams are the nodes as the API shows them, to hold against the kernel.
type nodeParams struct {
	Self nodePeer `json:"self"`
	// Peers are the other nodes that a route is to be expected to.
	Peers []nodePeer `json:"peers,omitempty"`
	// Left are the names of nodes that are not compared, with the reason.
	Left []string `json:"left,omitempty"`
	// Pods are addresses of pods on this node that the run is about.
	Pods []netip.Addr `json:"pods,omitempty"`
}

// nodeFacts makes the parameters, false when the vantage point is no Linux node.
// Nodes that are not ready, have no pod CIDR yet or run Windows are not compared: the
// CNI of a new node has not told the others of it yet.
func nodeFacts(f *facts.Facts) (nodeParams, bool) {
	self := f.Vantage.Node
	if f.Vantage.Kind != facts.VantageNode || self == nil {
		return nodeParams{}, false
	}
	p := nodeParams{Self: peerOfNode(*self), Pods: podsInQuestion(f, self.Name)}
	for _, n := range f.Nodes {
		left := ""
		switch {
		case n.Name == self.Name:
			p.Self = peerOfNode(n)
			continue
		case n.OS != "" && n.OS != "linux":
			left = "runs " + n.OS
		case !n.Ready:
			left = "not ready"
		case len(n.PodCIDRs) == 0:
			left = "no pod CIDR"
		}
		if left != "" {
			p.Left = append(p.Left, dial.Clean(n.Name, 64)+" ("+left+")")
			continue
		}
		p.Peers = append(p.Peers, peerOfNode(n))
	}
	return p, true
}

func peerOfNode(n facts.Node) nodePeer {
	return nodePeer{Name: n.Name, PodCIDRs: n.PodCIDRs, Flannel: n.Flannel}
}

// planNode plans one task of a node check: title is its row.
func planNode(title string) func(*facts.Facts) []check.Planned[nodeParams] {
	return func(f *facts.Facts) []check.Planned[nodeParams] {
		p, ok := nodeFacts(f)
		if !ok {
			return nil
		}
		return []check.Planned[nodeParams]{nodeTask(title, p)}
	}
}

// planVXLAN is planNode for checks of flannel's vxlan backend: nothing is planned on
// nodes that flannel with that backend did not set up.
func planVXLAN(title string) func(*facts.Facts) []check.Planned[nodeParams] {
	return func(f *facts.Facts) []check.Planned[nodeParams] {
		p, ok := nodeFacts(f)
		if !ok || !p.Self.vxlan() {
			return nil
		}
		return []check.Planned[nodeParams]{nodeTask(title, p)}
	}
}

func nodeTask(title string, p nodeParams) check.Planned[nodeParams] {
	return check.Planned[nodeParams]{
		Label:  check.Label{Title: title, Target: p.Self.Name, Object: nodeObject(p.Self.Name)},
		Params: p,
	}
}

func (n nodePeer) vxlan() bool { return n.Flannel != nil && n.Flannel.BackendType == "vxlan" }

// vtep is the other node's end of the tunnel for a pod CIDR: where flannel's vxlan
// backend expects its MAC, under which address, and behind which node address. Flannel
// takes a node's pod CIDR for its subnet, and the CIDR's first address for its VTEP
// (flannel: pkg/backend/vxlan/vxlan_network.go).
type vtep struct {
	cidr   netip.Prefix
	addr   netip.Addr
	mac    string
	public netip.Addr
}

// vteps are the tunnel ends of a node, those that its annotations tell completely.
func (n nodePeer) vteps() []vtep {
	if !n.vxlan() {
		return nil
	}
	var list []vtep
	for _, cidr := range n.PodCIDRs {
		v := vtep{cidr: cidr.Masked(), addr: cidr.Masked().Addr(), mac: n.Flannel.VTEPMAC, public: n.Flannel.PublicIP}
		if cidr.Addr().Is6() {
			v.mac, v.public = n.Flannel.VTEPMACv6, n.Flannel.PublicIPv6
		}
		if v.mac != "" && v.public.IsValid() {
			list = append(list, v)
		}
	}
	return list
}

// hasFamily reports whether the node has pod CIDRs of a family.
func (n nodePeer) hasFamily(family string) bool {
	return slices.ContainsFunc(n.PodCIDRs, func(p netip.Prefix) bool { return netsys.Family(p.Addr()) == family })
}

// publicFor is the address that flannel reaches a node at for a pod CIDR.
func (n nodePeer) publicFor(cidr netip.Prefix) netip.Addr {
	switch {
	case n.Flannel == nil:
		return netip.Addr{}
	case cidr.Addr().Is6():
		return n.Flannel.PublicIPv6
	}
	return n.Flannel.PublicIP
}

// owns reports whether an interface has an address out of the node's pod CIDRs, as
// the bridge and the VXLAN device of a CNI have.
func (n nodePeer) owns(l facts.Link) bool {
	return slices.ContainsFunc(l.Addrs, func(text string) bool {
		addr, err := netip.ParsePrefix(text)
		return err == nil && slices.ContainsFunc(n.PodCIDRs, func(c netip.Prefix) bool { return c.Contains(addr.Addr()) })
	})
}

// flannelGone is why the node is not judged by its flannel annotations, "" when it
// is: they outlive flannel where another CNI has replaced it. Then another's interface
// has an address out of the node's pod CIDRs, or neither device nor address of flannel's
// is left.
func (p nodeParams) flannelGone(k facts.Kernel) string {
	for _, l := range k.Links {
		if by := facts.DeviceOf(l.Name); p.Self.owns(l) && (by != nil && by.Name != "flannel" || l.Name == "tunl0") {
			return "flannel's annotations are on this node, but " + l.Name + " has its pods' addresses: another CNI seems to have taken over"
		}
	}
	if p.Self.vxlan() && len(vxlanDevices(k.Links, p.Self.Flannel.VNI)) > 0 || slices.ContainsFunc(k.Links, p.Self.owns) {
		return ""
	}
	return "flannel's annotations are on this node, but no device of its is here: another CNI seems to have taken over"
}

// expects reports whether the kernel is to know a way to a pod CIDR of a peer: this
// node has the family too, and where flannel rules, flannel does it for both.
func (p nodeParams) expects(peer nodePeer, cidr netip.Prefix) bool {
	if !p.Self.hasFamily(netsys.Family(cidr.Addr())) {
		return false
	}
	return p.Self.Flannel == nil || p.Self.publicFor(cidr).IsValid() && peer.publicFor(cidr).IsValid()
}

// nodeDifferences gathers what a node's kernel lacks or holds otherwise than the API
// says, per node.
type nodeDifferences struct {
	compared int
	lines    []check.Evidence
	nodes    []string
}

func (d *nodeDifferences) add(node, format string, args ...any) {
	if name := dial.Clean(node, 64); !slices.Contains(d.nodes, name) {
		d.nodes = append(d.nodes, name)
	}
	if len(d.lines) < maxDifferences {
		d.lines = append(d.lines, check.Evidence{Key: dial.Clean(node, 64), Value: fmt.Sprintf(format, args...)})
	}
}

// maxDifferences is how many differences are told in full.
const maxDifferences = 20

// result makes the result of a comparison: what is the plural of what was compared.
func (d *nodeDifferences) result(kind check.Failure, what string, p nodeParams) check.Result {
	var r check.Result
	switch {
	case len(d.nodes) > 0:
		r = failed(kind, "%s missing or wrong for %s", what, fewOf(d.nodes))
		r.Evidence = d.lines
	case d.compared == 0:
		r = check.Skipf("", "no other node to compare %s with", what)
	default:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("%d %s as the API says", d.compared, what)}
	}
	if len(p.Left) > 0 {
		r.With("not compared", "%s", fewOf(p.Left))
	}
	return r
}

// sameMAC compares hardware addresses in whatever case they are written.
func sameMAC(a, b string) bool { return strings.EqualFold(a, b) }

// vxlanDevices are the names of the VXLAN devices with a network identifier.
func vxlanDevices(links []facts.Link, vni uint32) map[string]bool {
	devices := map[string]bool{}
	for _, l := range links {
		if l.VXLAN != nil && l.VXLAN.VNI == int(vni) {
			devices[l.Name] = true
		}
	}
	return devices
}

package checks

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// flannelHost is a namespace as flannel's vxlan backend and a bridge CNI leave the
// node w1 of flannelCluster.
type flannelHost struct {
	*netnstest.Namespace
	vxlan, bridge netlink.Link
}

func newFlannelHost(t *testing.T) flannelHost {
	t.Helper()
	h := flannelHost{Namespace: netnstest.Here(t)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	netnstest.Join(t,
		netnstest.End{NS: h.Namespace, Name: "eth0", Addrs: []string{"192.0.2.1/24"}},
		netnstest.End{NS: netnstest.New(t), Name: "far", Addrs: []string{"192.0.2.254/24"}})
	h.Route(t, "0.0.0.0/0", "192.0.2.254", "")
	eth0, err := h.LinkByName("eth0")
	must(err)
	must(h.LinkAdd(&netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{Name: "flannel.1", MTU: 1450},
		VxlanId:   1, VtepDevIndex: eth0.Attrs().Index, SrcAddr: net.IPv4(192, 0, 2, 1), Port: 8472,
	}))
	must(h.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cni0", MTU: 1450}}))
	h.vxlan, err = h.LinkByName("flannel.1")
	must(err)
	h.bridge, err = h.LinkByName("cni0")
	must(err)
	must(h.LinkSetUp(h.vxlan))
	must(h.LinkSetUp(h.bridge))
	h.Addr(t, "flannel.1", "10.244.1.0/32")
	h.Addr(t, "cni0", "10.244.1.1/24")
	for _, peer := range flannelCluster().Nodes[1:] {
		vtep := peer.PodCIDRs[0].Addr().String()
		h.Route(t, peer.PodCIDRs[0].String(), vtep, "flannel.1")
		must(h.NeighAdd(h.neigh(vtep, peer.Flannel.VTEPMAC)))
		must(h.NeighAppend(h.fdb(peer.Flannel.VTEPMAC, peer.Flannel.PublicIP.String())))
	}
	h.Set(t, "net/ipv4/ip_forward", "1")
	return h
}

func (h flannelHost) neigh(ip, mac string) *netlink.Neigh {
	hw, _ := net.ParseMAC(mac)
	return &netlink.Neigh{LinkIndex: h.vxlan.Attrs().Index, Family: unix.AF_INET, State: netlink.NUD_PERMANENT, IP: net.ParseIP(ip), HardwareAddr: hw}
}

func (h flannelHost) fdb(mac, dst string) *netlink.Neigh {
	hw, _ := net.ParseMAC(mac)
	return &netlink.Neigh{
		LinkIndex: h.vxlan.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
		IP: net.ParseIP(dst), HardwareAddr: hw,
	}
}

// The node's checks against a real kernel: healthy, and after each thing that somebody
// might take away.
func TestNodeKernel(t *testing.T) {
	t.Parallel()
	all := []string{"node.routes", "node.fdb", "node.neigh", "node.links"}
	tests := []struct {
		name    string
		breakIt func(t *testing.T, h flannelHost) error
		fails   []string // the checks that fail; all others pass
		kind    check.Failure
	}{
		{name: "healthy"},
		{"FDB entry deleted", func(_ *testing.T, h flannelHost) error { return h.NeighDel(h.fdb(mac2, "192.0.2.2")) }, []string{"node.fdb"}, check.Config},
		{"neighbour deleted", func(_ *testing.T, h flannelHost) error { return h.NeighDel(h.neigh("10.244.3.0", mac3)) }, []string{"node.neigh"}, check.Config},
		{"neighbour replaced", func(_ *testing.T, h flannelHost) error { return h.NeighSet(h.neigh("10.244.3.0", mac2)) }, []string{"node.neigh"}, check.Config},
		{"route deleted", func(_ *testing.T, h flannelHost) error {
			_, dst, _ := net.ParseCIDR("10.244.2.0/24")
			return h.RouteDel(&netlink.Route{Dst: dst})
		}, []string{"node.routes"}, check.NoRoute},
		{"bridge down", func(_ *testing.T, h flannelHost) error { return h.LinkSetDown(h.bridge) }, []string{"node.links"}, check.Config},
		{"forwarding off", func(t *testing.T, h flannelHost) error { h.Set(t, "net/ipv4/ip_forward", "0"); return nil }, []string{"node.sysctl"}, check.Config},
		{"forwarding off on the tunnel", func(t *testing.T, h flannelHost) error {
			// A slash in sysctl's spelling, a dot in the path.
			h.Set(t, "net/ipv4/conf/flannel.1/forwarding", "0")
			return nil
		}, []string{"node.sysctl"}, check.Config},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			h := newFlannelHost(t)
			if tt.breakIt != nil {
				if err := tt.breakIt(t, h); err != nil {
					t.Fatal(err)
				}
			}
			failed := map[string]bool{}
			for _, id := range tt.fails {
				failed[id] = true
			}
			for _, id := range append(all, "node.sysctl") {
				r := run(t, id, flannelCluster())[0]
				switch {
				case failed[id] && (r.Status != check.Fail || r.Failure != tt.kind):
					t.Errorf("%s: %s %s, want fail %s", id, r.Status, r.Failure, tt.kind)
				case !failed[id] && r.Status != check.Pass && !onlyBridgeFilter(r):
					t.Errorf("%s: %s %s %q, want pass", id, r.Status, r.Failure, r.Summary)
				}
			}
		})
	}
}

// onlyBridgeFilter allows for machines without br_netfilter, where that is a warning.
func onlyBridgeFilter(r check.Result) bool {
	return r.Status == check.Warn && evidenceIn(r, "net.bridge.bridge-nf-call-iptables") != "1"
}

// VXLAN devices are what node.fdb reads; their parameters must be the kernel's.
func TestNodeInterfaceFacts(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	newFlannelHost(t)
	r := run(t, "vantage.interface", flannelCluster())[0]
	for _, l := range r.Kernel.Links {
		if l.Name == "flannel.1" {
			want := facts.VXLAN{VNI: 1, Port: 8472, Local: "192.0.2.1", Device: l.VXLAN.Device}
			if l.Kind != "vxlan" || *l.VXLAN != want || l.VXLAN.Device == 0 {
				t.Errorf("flannel.1: %+v %+v", l, l.VXLAN)
			}
			return
		}
	}
	t.Error("no flannel.1 in the facts")
}

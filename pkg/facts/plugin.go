package facts

import (
	"slices"
	"strings"
)

// Plugin is a network plugin (CNI) of pods, and what it is known by.
type Plugin struct {
	Name string
	// Reason is that of the node condition NetworkUnavailable which it sets.
	Reason string
	// Annotations begin so on nodes that it set up, and Groups are its APIs.
	Annotations, Groups []string
	// Devices that it makes on a node begin so. Tracked are those which tell that it
	// tracks pods' connections by itself, in eBPF maps or in zones of Open vSwitch, past
	// the table that the kernel shows.
	Devices, Tracked []string
	// Programs are how the names of the eBPF programs begin that it attaches to
	// interfaces; none for a plugin that attaches none.
	Programs []string
	// Aside says which tables of the kernel then say nothing of pods' packets.
	Aside string
	// Health is the path at which its agent tells on a node's localhost whether it is
	// well, on port HealthPort, "" where that is not known.
	Health     string
	HealthPort uint16
	// Bridgeless says that pods' veths are ports of no Linux bridge, so that none can be
	// detached from one.
	Bridgeless bool
	// Enforces says that it enforces NetworkPolicies.
	Enforces bool
	// HintsAside says that it leaves the hints of EndpointSlices aside where it stands in
	// for kube-proxy, unless it is told otherwise.
	HintsAside bool
	// Overlaps says that it may give one address to several pods, in networks that are
	// not connected.
	Overlaps bool
}

// Plugins are those known, a new one being a line here. Sources: the projects' own
// manifests and documents, for the conditions cilium/operator/watchers/cilium_node_gc.go,
// flannel's and Calico's node condition code.
var Plugins = []Plugin{
	{Name: "Cilium", Bridgeless: true, Reason: "CiliumIsUp", Annotations: []string{"network.cilium.io/"}, Groups: []string{"cilium.io"},
		Devices: []string{"cilium_", "lxc"}, Tracked: []string{"cilium_", "lxc"}, Programs: []string{"cil_", "bpf_lxc", "bpf_host", "bpf_netdev", "bpf_overlay", "bpf_network", "bpf_xdp", "bpf_wireguard"}, Health: "/healthz", HealthPort: 9879, Enforces: true,
		HintsAside: true, // loadBalancer.serviceTopology is false by default
		Aside:      "pods' connections and services are in its eBPF maps; the kernel's connection tracking, bridges and FDB say nothing of them"},
	{Name: "Calico", Bridgeless: true, Reason: "CalicoIsUp", Annotations: []string{"projectcalico.org/"}, Groups: []string{"crd.projectcalico.org", "projectcalico.org"},
		Devices: []string{"cali", "vxlan.calico", "bpfin.cali", "bpfout.cali"}, Tracked: []string{"bpfin.cali", "bpfout.cali"}, Programs: []string{"cali", "xdp_cali", "tc_cali"}, Health: "/liveness", HealthPort: 9099, Enforces: true,
		Aside: "with its eBPF dataplane pods' connections are in eBPF maps; the kernel's connection tracking says nothing of them"},
	{Name: "Antrea", Bridgeless: true, Annotations: []string{"node.antrea.io/"}, Groups: []string{"crd.antrea.io"},
		Devices: []string{"antrea-gw", "antrea-tun"}, Tracked: []string{"antrea-gw"}, Enforces: true,
		Aside: aside},
	{Name: "OVN-Kubernetes", Bridgeless: true, Annotations: []string{"k8s.ovn.org/"}, Groups: []string{"k8s.ovn.org"},
		Devices: []string{"ovn-k8s-mp"}, Tracked: []string{"ovn-k8s-mp", "ovs-system", "br-int"}, Enforces: true,
		Aside: aside},
	// Its API alone: as a plugin of secondary networks it annotates nodes as well.
	{Name: "Kube-OVN", Bridgeless: true, Groups: []string{"kubeovn.io"}, Enforces: true, Overlaps: true, Aside: aside},
	{Name: "kube-router", Annotations: []string{"kube-router.io/"}, Devices: []string{"kube-bridge"}, Enforces: true, HintsAside: true},
	{Name: "Weave Net", Reason: "WeaveIsUp", Devices: []string{"weave"}, Enforces: true},
	{Name: "flannel", Reason: "FlannelIsUp", Annotations: []string{"flannel.alpha.coreos.com/"}, Devices: []string{"flannel."}},
}

// aside is that of plugins on Open vSwitch.
const aside = "Open vSwitch leads pods' packets and tracks their connections in zones of its own; the kernel's bridges, FDB and routes say nothing of them"

// OwnAddresses reports whether pods' addresses may be others than those of their nodes' pod
// CIDRs, whatever these say: it gives addresses of networks of its own.
func (p *Plugin) OwnAddresses() bool { return p != nil && (p.Overlaps || p.Aside == aside) }

// Network is the network plugin of the cluster, as far as it is known.
type Network struct {
	// Plugin is its name, "" when nothing told it; How says what did.
	Plugin, How string
}

// HintsAside reports whether the plugin may leave the hints of EndpointSlices aside.
func (n Network) HintsAside() bool {
	p := PluginNamed(n.Plugin)
	return p != nil && p.HintsAside
}

// PluginNamed is the plugin of a name, nil for an unknown one.
func PluginNamed(name string) *Plugin {
	if i := slices.IndexFunc(Plugins, func(p Plugin) bool { return p.Name == name }); i >= 0 {
		return &Plugins[i]
	}
	return nil
}

// PluginOfNode is the plugin that a node's NetworkUnavailable condition tells, else its
// annotations. A plugin that was replaced leaves its annotations, and the new one sets
// the condition anew: two plugins' annotations without a condition tell nothing.
func PluginOfNode(reason string, annotations map[string]string) Network {
	var named []string
	for _, p := range Plugins {
		if p.Reason != "" && p.Reason == reason {
			return Network{p.Name, "the node condition " + reason}
		}
		for key := range annotations {
			if begins(p.Annotations, key) && !slices.Contains(named, p.Name) {
				named = append(named, p.Name)
			}
		}
	}
	if len(named) != 1 {
		return Network{}
	}
	return Network{named[0], "the annotations of a node"}
}

// PluginOfGroups is the plugin whose API the cluster serves. More than one tells nothing:
// resource definitions outlive what made them.
func PluginOfGroups(groups []string) Network {
	var found []Network
	for _, p := range Plugins {
		for _, group := range p.Groups {
			if slices.Contains(groups, group) && !slices.ContainsFunc(found, func(n Network) bool { return n.Plugin == p.Name }) {
				found = append(found, Network{p.Name, "its API group " + group})
			}
		}
	}
	if len(found) != 1 {
		return Network{}
	}
	return found[0]
}

// DeviceOf is the plugin that makes interfaces of this name, nil for none.
func DeviceOf(link string) *Plugin {
	if i := slices.IndexFunc(Plugins, func(p Plugin) bool { return begins(p.Devices, link) }); i >= 0 {
		return &Plugins[i]
	}
	return nil
}

// TracksPast is the plugin that tracks connections past the kernel's table, as an
// interface of this name tells; nil for none.
func TracksPast(link string) *Plugin {
	if i := slices.IndexFunc(Plugins, func(p Plugin) bool { return begins(p.Tracked, link) }); i >= 0 {
		return &Plugins[i]
	}
	return nil
}

// lxcBridge is that of LXC on its host, whose name begins as Cilium's devices of pods do.
const lxcBridge = "lxcbr"

func begins(prefixes []string, text string) bool {
	return !strings.HasPrefix(text, lxcBridge) && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

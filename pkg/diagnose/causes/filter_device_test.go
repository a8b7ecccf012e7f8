package causes

import (
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// nodeDevices are those of node b: pods on a bridge, a tunnel over a bond, a container
// engine's own bridge, and a way out.
func nodeDevices() []facts.Link {
	return []facts.Link{
		{Index: 1, Name: "lo", Addrs: []string{"127.0.0.1/8"}, PeerNetns: -1},
		{Index: 2, Name: "eth0", Kind: "device", Master: "bond0", PeerNetns: -1},
		{Index: 3, Name: "bond0", Kind: "bond", Addrs: []string{"192.168.0.2/24"}, PeerNetns: -1},
		{Index: 4, Name: "wan0", Kind: "device", Addrs: []string{"198.51.100.2/24"}, PeerNetns: -1},
		{Index: 5, Name: "flannel.1", Kind: "vxlan", Addrs: []string{"10.2.0.0/32"}, VXLAN: &facts.VXLAN{VNI: 1, Port: 8472, Device: 3}, PeerNetns: -1},
		{Index: 6, Name: "cni0", Kind: "bridge", Addrs: []string{"10.2.0.1/24"}, PeerNetns: -1},
		{Index: 7, Name: "vetha", Kind: "veth", Master: "cni0", PeerIndex: 2},
		{Index: 8, Name: "docker0", Kind: "bridge", Addrs: []string{"172.17.0.1/16"}, PeerNetns: -1},
		{Index: 9, Name: "vethb", Kind: "veth", Master: "docker0", PeerIndex: 2},
	}
}

// TestFilterDropDevice: the counter of a rule for a device always grows where somebody
// else's packets pass it.
func TestFilterDropDevice(t *testing.T) {
	for _, tt := range []struct {
		hook  string
		match facts.Match
		want  diagnose.Confidence
	}{
		{"prerouting", facts.Match{In: "wan0"}, diagnose.Possible},
		{"ingress", facts.Match{In: "wan0"}, diagnose.Possible},
		{"postrouting", facts.Match{Out: "wan*"}, diagnose.Possible},
		{"forward", facts.Match{In: "wan0", Out: "cni0"}, diagnose.Possible},
		{"forward", facts.Match{Out: "docker0"}, diagnose.Possible},
		{"egress", facts.Match{Out: "vethb"}, diagnose.Possible},
		{"egress", facts.Match{Out: "vetha"}, diagnose.Possible}, // whose it is is not known
		{"forward", facts.Match{In: "bond0"}, diagnose.Possible}, // what a tunnel carries is not forwarded there
		{"prerouting", facts.Match{In: "bond0"}, diagnose.Certain},
		{"ingress", facts.Match{In: "eth0"}, diagnose.Certain},
		{"forward", facts.Match{In: "flannel.1"}, diagnose.Certain},
		{"forward", facts.Match{In: "flannel*"}, diagnose.Certain},
		{"forward", facts.Match{Out: "cni0"}, diagnose.Certain},
		{"forward", facts.Match{In: "flannel.1", Out: "cni0"}, diagnose.Certain},
		{"forward", facts.Match{}, diagnose.Certain},
	} {
		found := findFilterDrop(twoStopped(counted(tt.hook, tt.match), 9, nodeDevices()...))
		if len(found) != 1 || found[0].Confidence != tt.want {
			t.Errorf("%s %s: want %s, got %+v", tt.hook, &tt.match, tt.want, found)
		}
	}
	// Where nobody read the devices, each may be on the way.
	for _, m := range []facts.Match{{In: "flannel.1"}, {In: "flannel.1", Dst: "10.2.0.3/32"}} {
		c := twoStopped(counted("forward", m), 9)
		for i, r := range c.Results {
			if r.Check == "node.links" {
				c.Results[i].Kernel = nil
			}
		}
		if found := findFilterDrop(c); len(found) != 1 || found[0].Confidence != diagnose.Possible {
			t.Errorf("%s, devices not read: %+v", &m, found)
		}
	}
}

// TestFilterDropDeviceUncounted: one that counts nothing and asks for nothing else.
func TestFilterDropDeviceUncounted(t *testing.T) {
	for device, want := range map[string]diagnose.Confidence{"wan0": 0, "vethy": diagnose.Possible, "vethx": diagnose.Likely, "": diagnose.Likely} {
		d := counted("prerouting", facts.Match{In: device})
		d.Packets = nil
		w := newWorld().cut().deep().bridge(false).left(false).rule("a", d)
		w.kernel("node.bridge a", facts.Kernel{Links: append(nodeDevices()[:5:5], facts.Link{Index: 7, Name: "vethx", Kind: "veth"}, facts.Link{Index: 8, Name: "vethy", Kind: "veth"})})
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.vethx.rxPackets": 12}}
		found := slices.DeleteFunc(findFilterDrop(c), func(f diagnose.Finding) bool { return f.Where[0] != "node/a" })
		if want == 0 && len(found) > 0 || want != 0 && (len(found) != 1 || found[0].Confidence != want) {
			t.Errorf("%q: want %v, got %+v", device, want, found)
		}
	}
}

// TestFilterDropDeviceNamed: ordinary hardening of a node names a port, at a device that
// pods' packets do not pass.
func TestFilterDropDeviceNamed(t *testing.T) {
	for device, want := range map[string]diagnose.Confidence{
		"wan0": 0, "docker0": 0, "eth0": diagnose.Possible, "flannel.1": diagnose.Likely, "cni0": diagnose.Likely, "": diagnose.Likely,
	} {
		d := counted("prerouting", facts.Match{In: device, Protocol: "tcp", DstPort: facts.Ports{First: 8080, Last: 8080}})
		d.Packets = nil
		found := findFilterDrop(twoStopped(d, 0, nodeDevices()...))
		if want == 0 && len(found) > 0 || want != 0 && (len(found) != 1 || found[0].Confidence != want) {
			t.Errorf("%q: want %v, got %+v", device, want, found)
		}
	}
}

// TestFilterDropOwnPort: the vantage pod's port is known, and what stays on a node passes no
// tunnel.
func TestFilterDropOwnPort(t *testing.T) {
	w := newWorld().deep().bridge(false)
	w.kernel("node.bridge a", facts.Kernel{Links: append(nodeDevices()[:5:5],
		facts.Link{Index: 6, Name: "cni0", Kind: "bridge", Addrs: []string{"10.1.0.1/24"}, PeerNetns: -1},
		facts.Link{Index: 7, Name: "vethx", Kind: "veth", Master: "cni0"}, facts.Link{Index: 8, Name: "vethy", Kind: "veth", Master: "cni0"})})
	c := diagnose.NewCase(&w.facts, w.results)
	for _, tt := range []struct {
		device, to string
		want       reach
	}{
		{"vethx", "10.2.0.3", onWay}, {"vethy", "10.2.0.3", perhaps}, {"cni0", "10.2.0.3", onWay},
		{"flannel.1", "10.2.0.3", onWay}, {"flannel.1", "10.1.0.2", astray}, {"gone0", "10.1.0.2", astray},
		{"wan0", "203.0.113.1", perhaps}, {"wan0", "10.96.0.80", astray}, {"bond0", "192.168.0.2", onWay},
	} {
		d := counted("prerouting", facts.Match{In: tt.device})
		if got := reachOf(c, "a", d, addr("10.1.0.9"), addr(tt.to)); got != tt.want {
			t.Errorf("%s to %s: %d, want %d", tt.device, tt.to, got, tt.want)
		}
	}
}

package facts

import "testing"

// TestForeign: whose a program is, and that what a plugin which attaches programs may have
// attached is not somebody else's.
func TestForeign(t *testing.T) {
	for _, tt := range []struct {
		name, plugin string
		a            Attached
		want         bool
	}{
		{"Cilium's on Cilium", "Cilium", Attached{Decides: true, Program: "cil_from_netdev"}, false},
		{"Cilium's of old on Cilium", "Cilium", Attached{Decides: true, Program: "bpf_lxc.o:[from-container]"}, false},
		{"without a name on Cilium", "Cilium", Attached{Decides: true, ID: 3}, false},
		{"Calico's on Calico", "Calico", Attached{Decides: true, Program: "cali_tc_preambl"}, false},
		{"Cilium's on flannel", "flannel", Attached{Decides: true, Program: "cil_from_netdev"}, true},
		{"Cilium's on Calico", "Calico", Attached{Decides: true, Program: "cil_from_netdev"}, true},
		{"Cilium's where no plugin is known", "", Attached{Decides: true, Program: "cil_from_netdev"}, false},
		{"without a name on flannel", "flannel", Attached{Decides: true, ID: 3}, true},
		{"without a name where no plugin is known", "", Attached{Decides: true, ID: 3}, false},
		{"without a name on a plugin that is not known here", "other", Attached{Decides: true, ID: 3}, false},
		{"an agent's on Cilium", "Cilium", Attached{Decides: true, Program: "guard"}, true},
		{"a redirect", "", Attached{Takes: []string{"redirect to eth1"}}, true},
		{"Open vSwitch's flow, done by hardware", "Kube-OVN", Attached{Kind: "flower", Takes: []string{"redirect to eth1"}}, false},
		{"the same elsewhere", "Cilium", Attached{Kind: "flower", Takes: []string{"redirect to eth1"}}, true},
		{"Open vSwitch's bound of a pod's bandwidth", "OVN-Kubernetes", Attached{Kind: "basic", Takes: []string{Police}}, false},
		{"the same elsewhere, by somebody", "Cilium", Attached{Kind: "basic", Takes: []string{Police}}, true},
		{"a drop beside Open vSwitch's", "OVN-Kubernetes", Attached{Kind: "matchall", Takes: []string{Police, "drop"}}, true},
		{"a program beside Open vSwitch's", "OVN-Kubernetes", Attached{Kind: "bpf", Decides: true, Program: "guard"}, true},
		{"what only looks", "flannel", Attached{Kind: "u32"}, false},
	} {
		if got := tt.a.Foreign(tt.plugin); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

// TestAttachedName: names are apart where things are.
func TestAttachedName(t *testing.T) {
	for want, a := range map[string]Attached{
		"tc ingress of eth0, u32 pref 49152 800::800":                {Dev: "eth0", Hook: TC, Direction: "ingress", Kind: "u32", Pref: 49152, Handle: "800::800"},
		"tc egress of lxc1, bpf pref 1 0x1, program 7 cil_to_netdev": {Dev: "lxc1", Hook: TC, Direction: "egress", Kind: "bpf", Pref: 1, Handle: "0x1", ID: 7, Program: "cil_to_netdev"},
		"XDP (generic) of eth0, program 12":                          {Dev: "eth0", Hook: XDP, Direction: "ingress", Mode: "generic", ID: 12},
		"tcx ingress of eth0, program 3 guard":                       {Dev: "eth0", Hook: TCX, Direction: "ingress", ID: 3, Program: "guard"},
	} {
		if got := a.Name(); got != want || a.Counter() != "attached."+want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

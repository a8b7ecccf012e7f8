package facts_test

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestPluginOfNode(t *testing.T) {
	for _, tc := range []struct {
		name, reason string
		annotations  []string
		want         string
	}{
		{name: "nothing"},
		{name: "the condition", reason: "CiliumIsUp", want: "Cilium"},
		{name: "a condition of another", reason: "RouteCreated"},
		{name: "annotations", annotations: []string{"flannel.alpha.coreos.com/backend-type", "node.alpha.kubernetes.io/ttl"}, want: "flannel"},
		{name: "replaced, and the new one says so", reason: "CiliumIsUp", annotations: []string{"flannel.alpha.coreos.com/backend-type"}, want: "Cilium"},
		{name: "two, and no condition", annotations: []string{"flannel.alpha.coreos.com/backend-type", "projectcalico.org/IPv4Address"}},
	} {
		annotations := map[string]string{}
		for _, key := range tc.annotations {
			annotations[key] = "x"
		}
		if got := facts.PluginOfNode(tc.reason, annotations); got.Plugin != tc.want || (got.How == "") != (tc.want == "") {
			t.Errorf("%s: %+v, want %q", tc.name, got, tc.want)
		}
	}
}

func TestPluginOfGroups(t *testing.T) {
	for _, tc := range []struct {
		groups []string
		want   string
	}{
		{[]string{"apps", "networking.k8s.io"}, ""},
		{[]string{"apps", "cilium.io"}, "Cilium"},
		{[]string{"crd.projectcalico.org", "projectcalico.org"}, "Calico"},
		{[]string{"crd.projectcalico.org", "cilium.io"}, ""},
	} {
		if got := facts.PluginOfGroups(tc.groups); got.Plugin != tc.want {
			t.Errorf("%v: %+v, want %q", tc.groups, got, tc.want)
		}
	}
}

func TestDevices(t *testing.T) {
	for link, want := range map[string]string{
		"cilium_host": "Cilium", "lxc1234": "Cilium", "vxlan.calico": "Calico", "flannel.1": "flannel", "eth0": "", "veth12": "",
	} {
		got := ""
		if p := facts.DeviceOf(link); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
	if facts.TracksPast("lxcbr0") != nil || facts.DeviceOf("lxcbr0") != nil {
		t.Error("lxcbr0 is LXC's own")
	}
	if facts.TracksPast("vxlan.calico") != nil || facts.TracksPast("bpfin.cali") == nil || facts.TracksPast("lxcabc") == nil {
		t.Error("Calico tracks past the kernel with its eBPF dataplane only, Cilium always")
	}
}

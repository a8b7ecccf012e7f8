package topology_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*topology.Options)
		want   string // empty: valid
	}{
		{"defaults", func(*topology.Options) {}, ""},
		{"one node", func(o *topology.Options) { o.Nodes = []string{"only"} }, ""},
		{"host-gw, nftables, dual", func(o *topology.Options) { o.Backend, o.ProxyMode, o.IPFamily = "host-gw", "nftables", "dual" }, ""},
		{"cilium", func(o *topology.Options) { o.CNI = "cilium" }, ""},
		{"cilium, dual", func(o *topology.Options) { o.CNI, o.IPFamily = "cilium", "dual" }, "--cni cilium goes with"},
		{"cilium, host-gw", func(o *topology.Options) { o.CNI, o.Backend = "cilium", "host-gw" }, "--cni cilium goes with"},
		{"unknown cni", func(o *topology.Options) { o.CNI = "calico" }, `--cni "calico": want one of flannel, cilium`},
		{"unknown backend", func(o *topology.Options) { o.Backend = "udp" }, "want one of vxlan, host-gw"},
		{"unknown proxy", func(o *topology.Options) { o.ProxyMode = "ipvs" }, "want one of iptables, nftables"},
		{"unknown family", func(o *topology.Options) { o.IPFamily = "ipv6" }, "want one of ipv4, dual"},
		{"no nodes", func(o *topology.Options) { o.Nodes = nil }, "want 1 to 20 names"},
		{"twice", func(o *topology.Options) { o.Nodes = []string{"a", "a"} }, "named twice"},
		{"reserved", func(o *topology.Options) { o.Nodes = []string{"router"} }, "taken"},
		{"too long", func(o *topology.Options) { o.Nodes = []string{"averyverylongname"} }, "at most 10"},
		{"path", func(o *topology.Options) { o.Nodes = []string{"../etc"} }, "at most 10"},
		{"empty name", func(o *topology.Options) { o.Nodes = []string{""} }, "at most 10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := topology.Defaults()
			test.change(&options)
			err := options.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want one that contains %q", err, test.want)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	options := topology.Defaults()
	options.IPFamily = "dual"
	var got []string
	for _, node := range options.Members() {
		line := node.Name
		for _, address := range node.Addresses() {
			line += " " + address.String()
		}
		got = append(got, line)
	}
	want := []string{
		"cp 172.30.0.10 fd00:172:30::10",
		"w1 172.30.0.11 fd00:172:30::11",
		"w2 172.30.0.12 fd00:172:30::12",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if got, want := options.APIServer(), "https://172.30.0.10:6443"; got != want {
		t.Errorf("API server %s, want %s", got, want)
	}
}

func TestStringRoundTrip(t *testing.T) {
	want := "--nodes cp,w1,w2 --cni flannel --backend vxlan --proxy-mode iptables --ip-family ipv4"
	if got := topology.Defaults().String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

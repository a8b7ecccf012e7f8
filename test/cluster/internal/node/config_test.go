//go:build linux

package node_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/node"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

func decode(t *testing.T, content []byte, err error) map[string]any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestKubeletConfigTrustsNobodyUnknown(t *testing.T) {
	content, err := node.KubeletConfig(topology.Defaults().Members()[1], "/pki")
	config := decode(t, content, err)
	want := map[string]any{
		"anonymous": map[string]any{"enabled": false},
		"webhook":   map[string]any{"enabled": true},
		"x509":      map[string]any{"clientCAFile": "/pki/ca.crt"},
	}
	if diff := cmp.Diff(want, config["authentication"]); diff != "" {
		t.Errorf("authentication (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"mode": "Webhook"}, config["authorization"]); diff != "" {
		t.Errorf("authorization (-want +got):\n%s", diff)
	}
	if got := config["cgroupRoot"]; got != "/netlook/w1" {
		t.Errorf("cgroupRoot %v: pods would not be tracked", got)
	}
}

func TestContainerdConfig(t *testing.T) {
	for _, restricted := range []bool{true, false} {
		got := node.ContainerdConfig(node.ContainerdOptions{
			PauseImage: "example/pause:1", CNIBin: "/cni", Runc: "/runc", RestrictOOM: restricted,
		})
		for _, line := range []string{
			`sandbox_image = "example/pause:1"`, `bin_dir = "/cni"`, `BinaryName = "/runc"`,
			map[bool]string{true: "restrict_oom_score_adj = true", false: "restrict_oom_score_adj = false"}[restricted],
		} {
			if !strings.Contains(got, line) {
				t.Errorf("no line %q in:\n%s", line, got)
			}
		}
	}
}

func TestFlannelConfig(t *testing.T) {
	options := topology.Defaults()
	content, err := node.FlannelConfig(options)
	if got, want := string(content), `{"Backend":{"Port":8472,"Type":"vxlan","VNI":1},"EnableIPv4":true,"Network":"10.244.0.0/16"}`; err != nil || got != want {
		t.Errorf("vxlan: %s, error %v; want %s", got, err, want)
	}
	options.Backend, options.IPFamily = "host-gw", "dual"
	content, err = node.FlannelConfig(options)
	if got, want := string(content), `{"Backend":{"Type":"host-gw"},"EnableIPv4":true,"EnableIPv6":true,"IPv6Network":"fd00:10:244::/56","Network":"10.244.0.0/16"}`; err != nil || got != want {
		t.Errorf("dual host-gw: %s, error %v; want %s", got, err, want)
	}
}

func TestProxyConfig(t *testing.T) {
	options := topology.Defaults()
	options.ProxyMode, options.IPFamily = "nftables", "dual"
	content, err := node.ProxyConfig(options, options.Members()[0], "/kubeconfig")
	config := decode(t, content, err)
	if config["mode"] != "nftables" || config["clusterCIDR"] != "10.244.0.0/16,fd00:10:244::/56" {
		t.Errorf("mode %v, clusterCIDR %v", config["mode"], config["clusterCIDR"])
	}
}

func TestCNIConfig(t *testing.T) {
	const v4 = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
	for _, test := range []struct {
		name, subnetFile string
		mtu              float64
		subnets          []string
		fails            string
	}{
		{name: "IPv4", subnetFile: v4, mtu: 1450, subnets: []string{"10.244.1.0/24"}},
		{name: "dual", subnetFile: v4 + "FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64\n", mtu: 1450,
			subnets: []string{"10.244.1.0/24", "fd00:10:244:1::/64"}},
		{name: "empty", fails: "FLANNEL_MTU"},
		{name: "cut", subnetFile: v4[:40], fails: "FLANNEL_MTU"},
		{name: "no subnet", subnetFile: "FLANNEL_MTU=1450\n", fails: "no subnet"},
		{name: "bad subnet", subnetFile: "FLANNEL_MTU=1450\nFLANNEL_SUBNET=x\n", fails: "FLANNEL_SUBNET"},
	} {
		t.Run(test.name, func(t *testing.T) {
			content, err := node.CNIConfig(test.subnetFile)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("error = %v, want one that contains %q", err, test.fails)
				}
				return
			}
			config := decode(t, content, err)
			bridge := config["plugins"].([]any)[0].(map[string]any)
			if bridge["mtu"] != test.mtu || bridge["hairpinMode"] != true {
				t.Errorf("bridge = %v", bridge)
			}
			var subnets []string
			for _, set := range bridge["ipam"].(map[string]any)["ranges"].([]any) {
				subnets = append(subnets, set.([]any)[0].(map[string]any)["subnet"].(string))
			}
			if diff := cmp.Diff(test.subnets, subnets); diff != "" {
				t.Errorf("subnets (-want +got):\n%s", diff)
			}
		})
	}
}

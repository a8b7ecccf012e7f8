package node

import (
	"fmt"
	"net/netip"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cgroup"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// ContainerdSocket is where a node's containerd listens, inside the node.
const ContainerdSocket = "/run/containerd/containerd.sock"

// ContainerdOptions is what differs from machine to machine.
type ContainerdOptions struct {
	PauseImage  string
	CNIBin      string // folder of the CNI plugins
	Runc        string // path of runc
	RestrictOOM bool   // this process may not lower oom_score_adj
}

// ContainerdConfig renders containerd's configuration. Paths are the defaults: the
// node has its own /var/lib and /run.
func ContainerdConfig(o ContainerdOptions) string {
	// The plugin "opt" makes /opt/containerd, which is the machine's.
	// restrict_oom_score_adj: without CAP_SYS_RESOURCE runc cannot write the score
	// kubelet asks for, and dies with "can't get final child's PID from pipe: EOF".
	return fmt.Sprintf(`version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
  "io.containerd.internal.v1.opt",
]
[grpc]
  address = %[1]q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %[2]q
  restrict_oom_score_adj = %[3]t
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %[4]q
    conf_dir = %[5]q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = %[6]q
        SystemdCgroup = false
`, ContainerdSocket, o.PauseImage, o.RestrictOOM, o.CNIBin, Folders()["cni"], o.Runc)
}

// KubeletConfig renders a KubeletConfiguration. pkiDir holds the files that
// package pki wrote.
func KubeletConfig(node topology.Node, pkiDir string) ([]byte, error) {
	server := pki.KubeletServer(node.Name)
	return yaml.Marshal(map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + ContainerdSocket,
		"staticPodPath":            Folders()["manifests"],
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": pki.CertFile(pkiDir, pki.ClusterCA)},
		},
		"authorization":     map[string]any{"mode": "Webhook"},
		"tlsCertFile":       pki.CertFile(pkiDir, server),
		"tlsPrivateKeyFile": pki.KeyFile(pkiDir, server),
		"clusterDNS":        []string{topology.DNSServiceIP},
		"clusterDomain":     topology.Domain,
		"resolvConf":        "/etc/resolv.conf",
		// One group for each node, since all share the machine's hierarchies.
		"cgroupDriver":           "cgroupfs",
		"cgroupRoot":             cgroup.Root + "/" + node.Name,
		"cgroupsPerQOS":          true,
		"failCgroupV1":           false,
		"enforceNodeAllocatable": []string{}, // nodes share the machine's memory: a limit for each means nothing
		"failSwapOn":             false,
		"volumePluginDir":        "/var/lib/kubelet/volume-plugins",
		"serializeImagePulls":    false,
		// Images are loaded, never pulled: nothing may be collected or evicted for
		// a disk that others fill.
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
		"evictionHard": map[string]string{
			"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%",
		},
		// A dead node is noticed in 20 s instead of 50.
		"nodeStatusUpdateFrequency": "4s",
		"nodeLeaseDurationSeconds":  20,
		"syncFrequency":             "10s",
		"logging":                   map[string]any{"flushFrequency": "1s"},
	})
}

// ProxyConfig renders a KubeProxyConfiguration.
func ProxyConfig(o topology.Options, node topology.Node, kubeconfig string) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"clientConnection": map[string]any{"kubeconfig": kubeconfig},
		"hostnameOverride": node.Name,
		"clusterCIDR":      o.PodCIDRs(),
		"mode":             o.ProxyMode,
		// The table's size belongs to the machine, not to a network namespace.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0},
	})
}

// FlannelConfig renders flannel's network configuration.
func FlannelConfig(o topology.Options) ([]byte, error) {
	backend := map[string]any{"Type": o.Backend}
	if o.Backend == "vxlan" {
		backend["VNI"], backend["Port"] = 1, 8472
	}
	config := map[string]any{"Network": topology.PodCIDR, "EnableIPv4": true, "Backend": backend}
	if o.Dual() {
		config["EnableIPv6"], config["IPv6Network"] = true, topology.PodCIDR6
	}
	rendered, err := yaml.Marshal(config)
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(rendered)
}

// CNIConfig renders the CNI configuration list from the content of flannel's
// subnet file, which says what this node may give to pods.
func CNIConfig(subnetFile string) ([]byte, error) {
	values := map[string]string{}
	for line := range strings.Lines(subnetFile) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			values[name] = value
		}
	}
	mtu := 0
	if _, err := fmt.Sscanf(values["FLANNEL_MTU"], "%d", &mtu); err != nil {
		return nil, fmt.Errorf("subnet file: FLANNEL_MTU=%q is not a number", values["FLANNEL_MTU"])
	}
	var ranges, routes []any
	for _, family := range []struct{ name, everything string }{
		{"FLANNEL_SUBNET", "0.0.0.0/0"},
		{"FLANNEL_IPV6_SUBNET", "::/0"},
	} {
		if values[family.name] == "" {
			continue
		}
		subnet, err := netip.ParsePrefix(values[family.name])
		if err != nil {
			return nil, fmt.Errorf("subnet file: %s: %w", family.name, err)
		}
		ranges = append(ranges, []any{map[string]any{"subnet": subnet.Masked().String()}})
		routes = append(routes, map[string]any{"dst": family.everything})
	}
	if len(ranges) == 0 {
		return nil, fmt.Errorf("subnet file: it names no subnet")
	}
	rendered, err := yaml.Marshal(map[string]any{
		"cniVersion": "0.4.0",
		"name":       "cbr0",
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": "cni0", "isGateway": true,
				"ipMasq":      false, // flannel's rules do it, and know the whole pod network
				"hairpinMode": true,
				"mtu":         mtu,
				"ipam":        map[string]any{"type": "host-local", "ranges": ranges, "routes": routes},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
		},
	})
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(rendered)
}

// StaticPod renders a pod that kubelet runs from a file, so that its copy in the
// API is a mirror pod - which rejects ephemeral containers.
func StaticPod(image string) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Pod",
		"metadata": map[string]any{
			"name": "static-app", "namespace": "kube-system", "labels": map[string]string{"app": "static-app"},
		},
		"spec": map[string]any{
			"terminationGracePeriodSeconds": 1,
			"containers": []any{map[string]any{
				"name": "app", "image": image, "imagePullPolicy": "IfNotPresent",
				"args":  []string{"--http", ":8080"},
				"ports": []any{map[string]any{"containerPort": 8080}},
			}},
		},
	})
}

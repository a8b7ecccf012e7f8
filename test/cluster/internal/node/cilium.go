package node

import (
	"path"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// CiliumConflist is the name of the CNI configuration that Cilium's agent writes.
const CiliumConflist = "05-cilium.conflist"

// CiliumAgent gives the arguments of a node's agent. lib is the folder with the sources
// of the datapath. Services are kube-proxy's: Cilium's socket load balancer attaches to
// the root of the control groups, which all nodes share here.
func CiliumAgent(kubeconfig, lib string) []string {
	return []string{
		"--k8s-kubeconfig-path", kubeconfig,
		"--enable-ipv4=true", "--enable-ipv6=false",
		"--ipam=kubernetes",
		"--routing-mode=tunnel", "--tunnel-protocol=vxlan",
		"--cluster-name=default", "--identity-allocation-mode=crd",
		"--kube-proxy-replacement=false",
		"--enable-bpf-masquerade=false", "--enable-ipv4-masquerade=true",
		"--enable-l7-proxy=false", "--enable-hubble=false",
		"--enable-health-checking=false", "--enable-endpoint-health-checking=false",
		"--state-dir", "/run/cilium", "--lib-dir", lib,
		"--cgroup-root", "/run/cilium/cgroupv2",
		"--write-cni-conf-when-ready", path.Join(Folders()["cni"], CiliumConflist),
		"--cni-exclusive=false",
	}
}

// CiliumOperator gives the arguments of the operator, of which there is one: no
// election.
func CiliumOperator(kubeconfig string) []string {
	return []string{
		"--k8s-kubeconfig-path", kubeconfig,
		"--ipam=kubernetes",
		"--cluster-pool-ipv4-cidr=" + topology.PodCIDR,
		"--identity-allocation-mode=crd",
		// The operator would end pods of kube-system that ran before the agents did.
		"--unmanaged-pod-watcher-interval=0",
	}
}

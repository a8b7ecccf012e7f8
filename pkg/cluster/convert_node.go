package cluster

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// nodeFacts converts a node.
func nodeFacts(n *corev1.Node) facts.Node {
	f := facts.Node{
		Name:     n.Name,
		IPs:      nodeIPs(n),
		PodCIDRs: podCIDRs(n),
		OS:       nodeOS(n),
		Zone:     plain(n.Labels[corev1.LabelTopologyZone], maxWord),
		Flannel:  flannelLease(n.Annotations),
		Network:  facts.PluginOfNode(networkReason(n), n.Annotations),
	}
	switch ready := nodeReady(n); {
	case ready == nil:
		f.NotReady = "no Ready condition yet"
	case ready.Status == corev1.ConditionTrue:
		f.Ready = true
	default:
		f.NotReady = because(ready.Reason, ready.Message)
	}
	return f
}

// networkReason is the reason of the condition that network plugins set when they have
// set a node up.
func networkReason(n *corev1.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeNetworkUnavailable && c.Status == corev1.ConditionFalse {
			return c.Reason
		}
	}
	return ""
}

func nodeReady(n *corev1.Node) *corev1.NodeCondition {
	for i := range n.Status.Conditions {
		if n.Status.Conditions[i].Type == corev1.NodeReady {
			return &n.Status.Conditions[i]
		}
	}
	return nil
}

// nodeIPs are the InternalIPs, then the ExternalIPs.
func nodeIPs(n *corev1.Node) []netip.Addr {
	var texts []string
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeExternalIP} {
		for _, a := range n.Status.Addresses {
			if a.Type == kind {
				texts = append(texts, a.Address)
			}
		}
	}
	return addrs(texts)
}

func podCIDRs(n *corev1.Node) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range append([]string{n.Spec.PodCIDR}, n.Spec.PodCIDRs...) {
		prefix, err := netip.ParsePrefix(text)
		if err == nil && !slices.Contains(list, prefix.Masked()) {
			list = append(list, prefix.Masked())
		}
	}
	return list
}

// The annotations of flannel (flannel: pkg/subnet/kube/annotations.go).
const (
	flannelBackendType   = "flannel.alpha.coreos.com/backend-type"
	flannelBackendData   = "flannel.alpha.coreos.com/backend-data"
	flannelBackendV6Data = "flannel.alpha.coreos.com/backend-v6-data"
	flannelPublicIP      = "flannel.alpha.coreos.com/public-ip"
	flannelPublicIPv6    = "flannel.alpha.coreos.com/public-ipv6"
)

// maxBackendData bounds the JSON of an annotation; flannel writes some 50 bytes.
const maxBackendData = 4096

// flannelLease reads what flanneld published on its node, nil when it did not. Any
// component with the right to annotate nodes can write there, so that each field
// counts only when it parses.
func flannelLease(annotations map[string]string) *facts.FlannelLease {
	backend, found := annotations[flannelBackendType]
	if !found {
		return nil
	}
	lease := &facts.FlannelLease{BackendType: plain(backend, maxWord)}
	if ips := addrs([]string{annotations[flannelPublicIP]}); len(ips) == 1 && ips[0].Is4() {
		lease.PublicIP = ips[0]
	}
	if ips := addrs([]string{annotations[flannelPublicIPv6]}); len(ips) == 1 && ips[0].Is6() {
		lease.PublicIPv6 = ips[0]
	}
	lease.Overwritten = annotations[flannelPublicIP+"-overwrite"] != "" || annotations[flannelPublicIPv6+"-overwrite"] != ""
	lease.VTEPMAC, lease.VNI = vtep(annotations[flannelBackendData])
	var vniV6 uint32
	lease.VTEPMACv6, vniV6 = vtep(annotations[flannelBackendV6Data])
	if lease.VNI == 0 {
		lease.VNI = vniV6
	}
	return lease
}

// vtep reads the backend data of the vxlan backend: its device's hardware address in
// canonical spelling, and its network identifier (24 bits, RFC 7348).
func vtep(data string) (mac string, vni uint32) {
	var lease struct {
		VNI     uint32
		VtepMAC string
	}
	if len(data) > maxBackendData || json.Unmarshal([]byte(data), &lease) != nil {
		return "", 0
	}
	if hw, err := net.ParseMAC(lease.VtepMAC); err == nil && len(hw) == 6 {
		mac = hw.String()
	}
	if lease.VNI < 1<<24 {
		vni = lease.VNI
	}
	return mac, vni
}

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// namespace is that of app.yaml.
const namespace = "faults"

const (
	controlPlaneLabel = "node-role.kubernetes.io/control-plane"
	webReplicas       = 4 // of app.yaml
	dnsReplicas       = 2 // of the test cluster
	flannelBackend    = "flannel.alpha.coreos.com/backend-data"
)

type object struct {
	Metadata struct {
		Name, Namespace   string
		UID               string
		Labels            map[string]string
		Annotations       map[string]string
		DeletionTimestamp *string
	}
	Spec struct {
		NodeName, PodCIDR, ClusterIP string
	}
	Status struct {
		PodIP     string
		Phase     string
		Addresses []struct{ Type, Address string }
		// Of nodes and of pods.
		Conditions []struct{ Type, Status string }
	}
}

func (o object) address() string {
	for _, a := range o.Status.Addresses {
		if a.Type == "InternalIP" {
			return a.Address
		}
	}
	return ""
}

func (o object) ready() bool {
	for _, c := range o.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// world is what the variables are made of.
type world struct{ nodes, pods, services []object }

// look reads the cluster.
func look(ctx context.Context) (world, error) {
	var w world
	group, ctx := errgroup.WithContext(ctx)
	for _, kind := range []struct {
		name string
		into *[]object
	}{{"nodes", &w.nodes}, {"pods", &w.pods}, {"services", &w.services}} {
		group.Go(func() error {
			out, err := command(ctx, nil, "kubectl", "get", kind.name, "-A", "-o", "json").Output()
			if err != nil {
				return fmt.Errorf("kubectl get %s: %w", kind.name, err)
			}
			var list struct{ Items []object }
			if err := json.Unmarshal(out, &list); err != nil {
				return fmt.Errorf("kubectl get %s: %w", kind.name, err)
			}
			*kind.into = list.Items
			return nil
		})
	}
	return w, group.Wait()
}

func (o object) isControl() bool {
	_, control := o.Metadata.Labels[controlPlaneLabel]
	return control
}

func (o object) running() bool {
	return o.Status.Phase == "Running" && o.Metadata.DeletionTimestamp == nil
}

func (o object) isWeb() bool {
	return o.Metadata.Namespace == namespace && o.Metadata.Labels["app"] == "web"
}

func (o object) isDNS() bool {
	return o.Metadata.Namespace == "kube-system" && o.Metadata.Labels["k8s-app"] == "kube-dns"
}

// settled says what is not ready, of the nodes, the application and CoreDNS.
func (w world) settled() error {
	web, dns := 0, 0
	for _, o := range w.nodes {
		if !o.ready() {
			return fmt.Errorf("node %s is not ready", o.Metadata.Name)
		}
	}
	for _, o := range w.pods {
		if !o.isWeb() && !o.isDNS() {
			continue
		}
		if !o.running() || !o.ready() {
			return fmt.Errorf("pod %s is not ready, or about to end", o.Metadata.Name)
		}
		if o.isWeb() {
			web++
		} else {
			dns++
		}
	}
	if web != webReplicas || dns != dnsReplicas {
		return fmt.Errorf("%d pods of web, %d of CoreDNS; want %d and %d", web, dns, webReplicas, dnsReplicas)
	}
	return nil
}

// variables are what scripts find in their environment:
//
//	NS                              the namespace of app.yaml
//	CLIENT                          the pod that looks, as NAMESPACE/NAME
//	CLIENT_NODE CLIENT_NODE_IP      its node
//	CLIENT_IP CLIENT_CIDR           its address, and the pod network of its node
//	PEER_NODE PEER_NODE_IP          another worker, with a pod of service web
//	DST_CIDR VTEP_IP VTEP_MAC       the pod network of the peer, and its tunnel's end
//	WEB_POD WEB_IP WEB_UID          a pod of service web on the peer
//	LOCAL_POD LOCAL_IP LOCAL_UID    a pod of service web on the client's node
//	WEB_IPS VIP                     all its pods, and its ClusterIP
//	SELF_POD SELF_NODE SELF_IP SELF_VIP   the pod that is alone behind service self
//	NODE_IPS                        the addresses of all nodes, with commas between
//	WEB_PODS DNS_PODS               all of them, as NAMESPACE/NAME
//	DNS_VIP API_VIP                 ClusterIPs of CoreDNS and the API server
//	OUTSIDE_IP                      a web server outside the cluster
func (w world) variables() (map[string]string, error) {
	var problems []error
	first := func(what string, list []object, ok func(object) bool) object {
		if i := slices.IndexFunc(list, ok); i >= 0 {
			return list[i]
		}
		problems = append(problems, fmt.Errorf("there is no %s", what))
		return object{}
	}
	pod := func(name string) object {
		return first("pod "+name, w.pods, func(o object) bool { return o.Metadata.Namespace == namespace && o.Metadata.Name == name })
	}
	service := func(ns, name string) string {
		return first("service "+name, w.services, func(o object) bool { return o.Metadata.Namespace == ns && o.Metadata.Name == name }).Spec.ClusterIP
	}
	node := func(name string) object {
		return first("node "+name, w.nodes, func(o object) bool { return o.Metadata.Name == name })
	}
	web := func(o object) bool { return o.isWeb() && o.running() }
	client, self := pod("client"), pod("self")
	peers := slices.DeleteFunc(slices.Clone(w.nodes), func(o object) bool {
		return o.Metadata.Name == client.Spec.NodeName ||
			!slices.ContainsFunc(w.pods, func(p object) bool { return web(p) && p.Spec.NodeName == o.Metadata.Name })
	})
	if workers := slices.DeleteFunc(slices.Clone(peers), object.isControl); len(workers) > 0 {
		peers = workers // of two nodes there is but the control plane's
	}
	peer := first("node other than the client's with a pod of service web", peers, func(object) bool { return true })
	on := func(name string) object {
		return first("pod of service web on "+name, w.pods, func(o object) bool { return web(o) && o.Spec.NodeName == name })
	}
	far, near := on(peer.Metadata.Name), on(client.Spec.NodeName)
	var webPods, webIPs, dnsPods []string
	for _, o := range w.pods {
		switch {
		case web(o):
			webPods = append(webPods, namespace+"/"+o.Metadata.Name)
			webIPs = append(webIPs, o.Status.PodIP)
		case o.isDNS() && o.running():
			dnsPods = append(dnsPods, "kube-system/"+o.Metadata.Name)
		}
	}
	var nodeIPs []string
	for _, o := range w.nodes {
		nodeIPs = append(nodeIPs, o.address())
	}
	home := node(client.Spec.NodeName)
	// Without flannel's VXLAN both stay empty.
	var vtep struct{ VtepMAC string }
	_ = json.Unmarshal([]byte(peer.Metadata.Annotations[flannelBackend]), &vtep)
	base, _, _ := strings.Cut(peer.Spec.PodCIDR, "/")
	return map[string]string{
		"NS": namespace, "CLIENT": namespace + "/client",
		"CLIENT_NODE": home.Metadata.Name, "CLIENT_NODE_IP": home.address(),
		"CLIENT_IP": client.Status.PodIP, "CLIENT_CIDR": home.Spec.PodCIDR,
		"PEER_NODE": peer.Metadata.Name, "PEER_NODE_IP": peer.address(),
		"DST_CIDR": peer.Spec.PodCIDR, "VTEP_IP": base, "VTEP_MAC": vtep.VtepMAC,
		"WEB_POD": far.Metadata.Name, "WEB_IP": far.Status.PodIP, "WEB_UID": far.Metadata.UID,
		"LOCAL_POD": near.Metadata.Name, "LOCAL_IP": near.Status.PodIP, "LOCAL_UID": near.Metadata.UID,
		"NODE_IPS": strings.Join(nodeIPs, ","),
		"WEB_PODS": strings.Join(webPods, " "),
		"WEB_IPS":  strings.Join(webIPs, " "), "VIP": service(namespace, "web"),
		"SELF_POD": self.Metadata.Name, "SELF_NODE": self.Spec.NodeName, "SELF_IP": self.Status.PodIP,
		"SELF_VIP": service(namespace, "self"),
		"DNS_PODS": strings.Join(dnsPods, " "), "DNS_VIP": service("kube-system", "kube-dns"),
		"API_VIP": service("default", "kubernetes"),
	}, errors.Join(problems...)
}

package pki

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// Names of the files, without their endings.
const (
	ClusterCA       = "ca"
	EtcdCA          = "etcd-ca"
	FrontProxyCA    = "front-proxy-ca"
	FrontProxy      = "front-proxy-client"
	EtcdServer      = "etcd-server"
	EtcdClient      = "etcd-client"
	APIServer       = "apiserver"
	KubeletClient   = "apiserver-kubelet-client"
	ServiceAccounts = "service-accounts"
	Admin           = "admin"
	Controllers     = "kube-controller-manager"
	Scheduler       = "kube-scheduler"
	Proxy           = "kube-proxy"
	Flannel         = "flannel"
	Cilium          = "cilium"
)

// Users of components whose rights are in our own manifests.
const (
	FlannelUser       = "netlook:flannel"
	CiliumUser        = "netlook:cilium"
	KubeletClientUser = "netlook:apiserver-kubelet-client"
)

// Kubelet is the name of the client certificate of a node's kubelet, KubeletServer
// that of the one it serves with.
func Kubelet(node string) string { return "kubelet-" + node }

// KubeletServer names the serving certificate of a node's kubelet.
func KubeletServer(node string) string { return "kubelet-server-" + node }

type named struct {
	name string
	ca   string
	Request
}

// WriteCluster makes everything a cluster needs and writes it into folder.
func WriteCluster(folder string, options topology.Options, now time.Time) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	authorities := map[string]Pair{}
	for _, name := range []string{ClusterCA, EtcdCA, FrontProxyCA} {
		ca, err := NewAuthority("netlook test cluster "+name, now)
		if err != nil {
			return err
		}
		if err := ca.Write(folder, name); err != nil {
			return err
		}
		authorities[name] = ca
	}
	for _, request := range requests(options) {
		pair, err := authorities[request.ca].Issue(request.Request, now)
		if err != nil {
			return err
		}
		if err := pair.Write(folder, request.name); err != nil {
			return err
		}
	}
	if err := WriteSigningKey(folder, ServiceAccounts); err != nil {
		return fmt.Errorf("make the key of service account tokens: %w", err)
	}
	return nil
}

// requests lists every certificate of a cluster, with the authority that signs it.
func requests(options topology.Options) []named {
	nodes := options.Members()
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	api := append(append(loopback, nodes[0].Addresses()...), netip.MustParseAddr(topology.APIServiceIP))
	service := "kubernetes.default.svc"
	client := func(name, user string, groups ...string) named {
		return named{name, ClusterCA, Request{User: user, Groups: groups, Client: true}}
	}
	all := []named{
		{EtcdServer, EtcdCA, Request{User: "etcd", Server: true, Client: true, Names: []string{"localhost"}, Addresses: loopback}},
		{EtcdClient, EtcdCA, Request{User: "kube-apiserver", Client: true}},
		{APIServer, ClusterCA, Request{
			User: "kube-apiserver", Server: true, Addresses: api,
			Names: []string{nodes[0].Name, "localhost", "kubernetes", "kubernetes.default", service, service + "." + topology.Domain},
		}},
		{FrontProxy, FrontProxyCA, Request{User: FrontProxy, Client: true}},
		client(KubeletClient, KubeletClientUser),
		client(Admin, "admin", "system:masters"),
		client(Controllers, "system:kube-controller-manager"),
		client(Scheduler, "system:kube-scheduler"),
		client(Proxy, "system:kube-proxy"),
		client(Flannel, FlannelUser),
		client(Cilium, CiliumUser),
	}
	for _, node := range nodes {
		user, group := "system:node:"+node.Name, "system:nodes" // what the Node authorizer asks for
		all = append(all,
			client(Kubelet(node.Name), user, group),
			named{KubeletServer(node.Name), ClusterCA, Request{
				User: user, Groups: []string{group}, Server: true,
				Names: []string{node.Name}, Addresses: node.Addresses(),
			}})
	}
	return all
}

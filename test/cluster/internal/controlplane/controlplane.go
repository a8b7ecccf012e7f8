// Package controlplane knows the command lines of the control plane's daemons. It
// is pure, and imports topology, pki and state only.
package controlplane

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

const etcd = "https://127.0.0.1:2379"

// Etcd keeps the cluster's data. Nothing is synced to disk: no crash is survived,
// and a start takes a fraction of the time.
func Etcd(dir state.Dir) []string {
	const peer = "http://127.0.0.1:2380" // no peer ever comes
	folder := dir.PKI()
	return []string{
		"etcd",
		"--data-dir", dir.Path("etcd"),
		"--unsafe-no-fsync",
		"--listen-client-urls", etcd,
		"--advertise-client-urls", etcd,
		"--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default=" + peer,
		"--cert-file", pki.CertFile(folder, pki.EtcdServer),
		"--key-file", pki.KeyFile(folder, pki.EtcdServer),
		"--trusted-ca-file", pki.CertFile(folder, pki.EtcdCA),
		"--client-cert-auth",
		"--log-level", "warn",
	}
}

// APIServer listens on every address of the first node.
func APIServer(dir state.Dir, options topology.Options) []string {
	folder := dir.PKI()
	return []string{
		"kube-apiserver",
		"--etcd-servers", etcd,
		"--etcd-cafile", pki.CertFile(folder, pki.EtcdCA),
		"--etcd-certfile", pki.CertFile(folder, pki.EtcdClient),
		"--etcd-keyfile", pki.KeyFile(folder, pki.EtcdClient),
		"--advertise-address", options.Members()[0].IP.String(),
		"--secure-port", fmt.Sprint(topology.APIPort),
		"--tls-cert-file", pki.CertFile(folder, pki.APIServer),
		"--tls-private-key-file", pki.KeyFile(folder, pki.APIServer),
		"--client-ca-file", pki.CertFile(folder, pki.ClusterCA),
		"--kubelet-certificate-authority", pki.CertFile(folder, pki.ClusterCA),
		"--kubelet-client-certificate", pki.CertFile(folder, pki.KubeletClient),
		"--kubelet-client-key", pki.KeyFile(folder, pki.KubeletClient),
		"--kubelet-preferred-address-types", "InternalIP",
		"--requestheader-client-ca-file", pki.CertFile(folder, pki.FrontProxyCA),
		"--requestheader-allowed-names", pki.FrontProxy,
		"--requestheader-username-headers", "X-Remote-User",
		"--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-",
		"--proxy-client-cert-file", pki.CertFile(folder, pki.FrontProxy),
		"--proxy-client-key-file", pki.KeyFile(folder, pki.FrontProxy),
		"--authorization-mode", "Node,RBAC",
		"--enable-admission-plugins", "NodeRestriction",
		"--allow-privileged",
		"--service-account-issuer", "https://kubernetes.default.svc." + topology.Domain,
		"--service-account-key-file", folder + "/" + pki.ServiceAccounts + ".pub",
		"--service-account-signing-key-file", pki.KeyFile(folder, pki.ServiceAccounts),
		"--service-cluster-ip-range", options.ServiceCIDRs(),
	}
}

// ControllerManager gives nodes their pod CIDRs, among much else.
func ControllerManager(dir state.Dir, options topology.Options) []string {
	folder := dir.PKI()
	return append(client("kube-controller-manager", dir, pki.Controllers),
		"--allocate-node-cidrs",
		"--cluster-cidr", options.PodCIDRs(),
		"--service-cluster-ip-range", options.ServiceCIDRs(),
		"--use-service-account-credentials",
		"--service-account-private-key-file", pki.KeyFile(folder, pki.ServiceAccounts),
		"--root-ca-file", pki.CertFile(folder, pki.ClusterCA),
		"--cluster-signing-cert-file", pki.CertFile(folder, pki.ClusterCA),
		"--cluster-signing-key-file", pki.KeyFile(folder, pki.ClusterCA),
		// Half the default, with leases renewed twice as often by kubelet.
		"--node-monitor-grace-period", "20s",
		"--node-monitor-period", "2s",
	)
}

// Scheduler places pods.
func Scheduler(dir state.Dir) []string { return client("kube-scheduler", dir, pki.Scheduler) }

// client is what controllers have in common: one instance of each, so no election.
func client(program string, dir state.Dir, name string) []string {
	kubeconfig := dir.ComponentKubeconfig(name)
	return []string{
		program,
		"--kubeconfig", kubeconfig,
		"--authentication-kubeconfig", kubeconfig,
		"--authorization-kubeconfig", kubeconfig,
		"--bind-address", "127.0.0.1",
		"--cert-dir", dir.Path("serving", strings.TrimPrefix(program, "kube-")),
		"--leader-elect=false",
	}
}

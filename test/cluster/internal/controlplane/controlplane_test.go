package controlplane_test

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/controlplane"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

func TestNothingInsecure(t *testing.T) {
	options := topology.Defaults()
	dir := state.Dir("/state")
	server := strings.Join(controlplane.APIServer(dir, options), " ")
	for _, part := range []string{
		"--authorization-mode Node,RBAC", "--enable-admission-plugins NodeRestriction",
		"--client-ca-file /state/pki/ca.crt", "--kubelet-certificate-authority /state/pki/ca.crt",
		"--etcd-certfile /state/pki/etcd-client.crt", "--service-cluster-ip-range 10.96.0.0/16",
	} {
		if !strings.Contains(server, part) {
			t.Errorf("no %q in %s", part, server)
		}
	}
	for _, line := range []string{
		server,
		strings.Join(controlplane.Etcd(dir), " "),
		strings.Join(controlplane.ControllerManager(dir, options), " "),
		strings.Join(controlplane.Scheduler(dir), " "),
	} {
		for _, part := range []string{"token-auth-file", "insecure", "AlwaysAllow"} {
			if strings.Contains(line, part) {
				t.Errorf("%q in %s", part, line)
			}
		}
	}
	if etcd := strings.Join(controlplane.Etcd(dir), " "); !strings.Contains(etcd, "--client-cert-auth") {
		t.Errorf("etcd lets everybody in: %s", etcd)
	}
}

func TestDualStackRanges(t *testing.T) {
	options := topology.Defaults()
	options.IPFamily = "dual"
	line := strings.Join(controlplane.ControllerManager("/state", options), " ")
	for _, part := range []string{
		"--cluster-cidr 10.244.0.0/16,fd00:10:244::/56", "--service-cluster-ip-range 10.96.0.0/16,fd00:10:96::/112",
	} {
		if !strings.Contains(line, part) {
			t.Errorf("no %q in %s", part, line)
		}
	}
}

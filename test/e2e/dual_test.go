//go:build e2e

package e2e

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestDualStack runs on a cluster with IPv4 and IPv6 and kube-proxy in nftables
// mode: everything that is checked over IPv4 is checked over IPv6 as well.
func TestDualStack(t *testing.T) {
	ips := strings.Fields(kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.status.podIPs[*].ip}"))
	if len(ips) != 2 {
		t.Fatalf("pod client has the addresses %v: this cluster is not dual-stack", ips)
	}
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	for _, id := range []string{"gateway.icmp", "dns.cluster", "service.vip", "service.endpoint", "path.mtu"} {
		families := map[bool]int{}
		for _, res := range results(rep, id, "") {
			if strings.Contains(res.Target, "[") || strings.Count(res.Target, ":") > 1 {
				families[true]++
			} else {
				families[false]++
			}
			// flannel gives pods the MTU of its IPv4 overlay; VXLAN over IPv6 carries 20
			// bytes less, and the node says so: a warning that is true.
			signalled := id == "path.mtu" && res.Status == check.Warn && strings.Contains(res.Summary, "the kernel adapts") && strings.Contains(res.Target, "fd00:")
			if res.Status != check.Pass && !signalled {
				t.Errorf("%s %s: %s %s", id, res.Target, res.Status, res.Summary)
			}
		}
		if families[true] == 0 || families[false] == 0 {
			t.Errorf("%s: %d IPv6 and %d IPv4 results, want both", id, families[true], families[false])
		}
	}
	t.Run("node", func(t *testing.T) {
		node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
		rep, r := diagnose(t, "node", node, "-n", namespace)
		if r.code != 0 {
			t.Errorf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
		}
		must(t, rep, "node.routes", "", check.Pass)
	})
	t.Run("dead over IPv6 only", func(t *testing.T) {
		needBed(t)
		pod, _, _ := webPod(t)
		drop(t, podNS(t, namespace+"/"+pod), "input", "meta nfproto ipv6 tcp dport 8080 drop")
		rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
		if r.code != 1 {
			t.Errorf("status %d, want 1", r.code)
		}
		for _, res := range results(rep, "service.endpoint", "") {
			address, err := netip.ParseAddrPort(res.Target)
			if err != nil {
				t.Fatalf("target %q is no address: %v", res.Target, err)
			}
			dead := address.Addr().Is6() && strings.HasSuffix(res.Object, "/"+pod)
			if dead != (res.Status == check.Fail) {
				t.Errorf("%s (%s): %s", res.Target, res.Object, res.Status)
			}
		}
	})
}

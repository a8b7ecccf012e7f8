//go:build e2e

package e2e

import (
	"net/netip"
	"strings"
	"testing"
	"time"

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
	t.Run("a service without endpoints over IPv6", oneFamily)
}

// oneFamily: a service is to have both families, and its EndpointSlice is of one. Its name
// has an address of the other, which leads nowhere: that is the cause, and explains it.
func oneFamily(t *testing.T) {
	needBed(t)
	_, _, ip := webPod(t)
	if !netip.MustParseAddr(ip).Is4() {
		t.Fatalf("the first address of a pod is %s: this cluster's first family is not IPv4", ip)
	}
	kubectlApply(t, `
apiVersion: v1
kind: Service
metadata: {name: half, namespace: `+namespace+`}
spec:
  ipFamilyPolicy: RequireDualStack
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: half-ipv4, namespace: `+namespace+`, labels: {kubernetes.io/service-name: half}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [`+ip+`], conditions: {ready: true}}]
`)
	vips := strings.Fields(kubectl(t, "-n", namespace, "get", "service", "half", "-o", "jsonpath={.spec.clusterIPs[*]}"))
	if len(vips) != 2 || !strings.Contains(vips[1], ":") {
		t.Fatalf("the service has the ClusterIPs %v", vips)
	}
	connect := func(vip string) bool {
		return program(t, nil, "testcluster", "exec-pod", namespace+"/client", "--", "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/"+vip+"/80").code == 0
	}
	for deadline := time.Now().Add(30 * time.Second); !connect(vips[0]); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", vips[0])
		}
	}
	if connect(vips[1]) {
		t.Fatalf("%s answers: nothing is wrong", vips[1])
	}
	rep, r := diagnose(t, "service", "half", "-n", namespace, "--from", "pod/client")
	// Over IPv6 the tunnel takes 20 bytes more, of which the bridge's MTU here knows nothing.
	more := false
	for _, c := range rep.Verdict.Causes {
		more = more || c.Code != "NL-SVC-FAMILY" && c.Code != "NL-PATH-MTU-SMALL"
	}
	if r.code != 1 || firstCause(rep) != "NL-SVC-FAMILY" || more || len(rep.Verdict.Unexplained) > 0 {
		t.Errorf("status %d, causes %+v, unexplained %q\n%s", r.code, rep.Verdict.Causes, rep.Verdict.Unexplained, bad(rep))
	}
	must(t, rep, "service.family", "", check.Warn)
}

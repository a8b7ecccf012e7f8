//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestHealthyPod is the control: on a cluster with nothing wrong every check that
// must run did run and passed, and the exit status is 0.
func TestHealthyPod(t *testing.T) {
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 0 {
		t.Fatalf("status %d on a healthy cluster\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	for _, id := range []string{
		"vantage.interface", "vantage.resolv", "gateway.icmp",
		"api.vip", "api.endpoint",
		"dns.cluster", "dns.service", "dns.external", "dns.search",
		"service.vip", "service.endpoint", "service.ready",
		"path.mtu", "external.host",
	} {
		must(t, rep, id, "", check.Pass)
	}
	if n := len(results(rep, "service.endpoint", ":8080")); n != 4 {
		t.Errorf("%d endpoints of svc/web were tried, want 4", n)
	}
	if text := bad(rep); text != "" {
		t.Errorf("a healthy cluster shows:\n%s", text)
	}
}

// TestDefaults: without --to, a pod behind a service has that service and its
// fellow pods checked.
func TestDefaults(t *testing.T) {
	pod := strings.Fields(kubectl(t, "-n", namespace, "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))[0]
	rep, r := diagnose(t, "pod", pod, "-n", namespace)
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	if n := len(results(rep, "service.endpoint", ":8080")); n != 4 {
		t.Errorf("%d endpoints of the pod's own service were tried, want 4", n)
	}
	must(t, rep, "service.vip", ":80", check.Pass)
	must(t, rep, "gateway.icmp", "", check.Pass)
}

// TestHealthyNode: the node vantage point sees its kernel, and leaves no pod.
func TestHealthyNode(t *testing.T) {
	node := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	rep, r := diagnose(t, "node", node, "-n", namespace, "--to", "svc/web")
	if r.code != 0 {
		t.Fatalf("status %d on a healthy cluster\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	for _, id := range []string{"vantage.interface", "api.endpoint", "dns.cluster", "service.endpoint", "node.sysctl", "node.conntrack"} {
		must(t, rep, id, "", check.Pass)
	}
	if cluster.bed {
		for _, id := range []string{"node.links", "node.routes", "node.fdb", "node.neigh"} {
			must(t, rep, id, "", check.Pass)
		}
		must(t, rep, "target.icmp", "", check.Pass)
	}
	if text := bad(rep); text != "" {
		t.Errorf("a healthy node shows:\n%s", text)
	}
	noNodePods(t)
}

// TestRestrictedNamespace: the default profile passes Pod Security "restricted" as
// it is, and a stronger one is refused in one line before anything is left behind.
func TestRestrictedNamespace(t *testing.T) {
	rep, r := diagnose(t, "pod", "strict", "-n", restricted)
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	must(t, rep, "dns.cluster", "", check.Pass)

	before := ephemeralContainers(t, restricted, "strict")
	denied := netlook(t, "pod", "strict", "-n", restricted, "--profile", "netadmin")
	if denied.code != 2 {
		t.Errorf("--profile netadmin: status %d, want 2\n%s", denied.code, denied.stderr)
	}
	if !strings.Contains(denied.stderr, "restricted") || !strings.Contains(denied.stderr, "default profile") {
		t.Errorf("the refusal does not say why and what to do:\n%s", denied.stderr)
	}
	if after := ephemeralContainers(t, restricted, "strict"); after != before {
		t.Errorf("a refused profile left ephemeral containers: before %s, after %s", before, after)
	}
}

// TestNetraw: with NET_RAW the ICMP checks run that the restricted profile skips.
func TestNetraw(t *testing.T) {
	rep, r := diagnose(t, "pod", "spare", "-n", namespace, "--profile", "netraw", "--to", "svc/web")
	if r.code != 0 {
		t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
	}
	must(t, rep, "target.icmp", "", check.Pass)
	if !strings.Contains(strings.Join(rep.Probe.Capabilities, ","), "NET_RAW") {
		t.Errorf("the probe does not hold NET_RAW: %v", rep.Probe.Capabilities)
	}
}

// TestOutputs: each format is what it says, and a pipe gets no colours.
func TestOutputs(t *testing.T) {
	for _, format := range []string{"table", "wide", "json", "yaml", "plain"} {
		t.Run(format, func(t *testing.T) {
			r := netlook(t, "pod", "client", "-n", namespace, "-o", format)
			if r.code != 0 {
				t.Fatalf("status %d\n%s", r.code, r.stderr)
			}
			if strings.Contains(r.stdout, "\x1b") {
				t.Errorf("escape sequences in piped output:\n%q", r.stdout)
			}
			if format == "json" && !json.Valid([]byte(r.stdout)) {
				t.Errorf("not JSON:\n%s", r.stdout)
			}
			if format == "yaml" && !strings.HasPrefix(r.stdout, "apiVersion: netlook.dev/") {
				t.Errorf("not a report in YAML:\n%.300s", r.stdout)
			}
		})
	}
}

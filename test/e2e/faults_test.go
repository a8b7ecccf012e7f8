//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// drop makes a pod's or node's own packet filter drop what matches rule (nft(8)
// syntax) on a hook, until the test ends. where runs commands in that namespace.
func drop(t *testing.T, where func(args ...string) string, hook, rule string) {
	t.Helper()
	table := fmt.Sprintf("netlook_e2e_%d", time.Now().UnixNano())
	where("nft", "add", "table", "inet", table)
	t.Cleanup(func() { where("nft", "delete", "table", "inet", table) })
	where("nft", "add", "chain", "inet", table, "c", fmt.Sprintf("{ type filter hook %s priority -300; }", hook))
	where(append([]string{"nft", "add", "rule", "inet", table, "c"}, strings.Fields(rule)...)...)
}

func podNS(t *testing.T, pod string) func(...string) string {
	return func(args ...string) string { return inPod(t, pod, args...) }
}

func nodeNS(t *testing.T, node string) func(...string) string {
	return func(args ...string) string { return onNode(t, node, args...) }
}

// webPod is a pod behind svc/web that runs on another node than the client, with
// its address; ok may choose further.
func webPod(t *testing.T) (name, node, ip string) {
	t.Helper()
	home := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	for _, line := range strings.Split(kubectl(t, "-n", namespace, "get", "pods", "-l", "app=web",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName} {.status.podIP}{"\n"}{end}`), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[1] != home {
			return f[0], f[1], f[2]
		}
	}
	t.Fatal("all pods of svc/web run on the client's node")
	return "", "", ""
}

// TestDeadEndpoint: one of four endpoints drops packets. It is named, the other
// three pass, and the exit status says that there is a problem.
func TestDeadEndpoint(t *testing.T) {
	needBed(t)
	pod, _, ip := webPod(t)
	drop(t, podNS(t, namespace+"/"+pod), "input", "tcp dport 8080 drop")
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 1 {
		t.Errorf("status %d, want 1\n%s", r.code, bad(rep))
	}
	dead := must(t, rep, "service.endpoint", ip, check.Fail)
	if dead.Failure != check.Timeout || dead.Lost() != len(dead.Attempts) || len(dead.Attempts) == 0 {
		t.Errorf("dead endpoint: %+v, want every attempt to time out", dead)
	}
	if want := "pod/" + namespace + "/" + pod; dead.Object != want {
		t.Errorf("the dead endpoint is %q, want %q", dead.Object, want)
	}
	alive := 0
	for _, res := range results(rep, "service.endpoint", "") {
		if res.Status == check.Pass {
			alive++
		}
	}
	if alive != 3 {
		t.Errorf("%d endpoints pass, want 3\n%s", alive, bad(rep))
	}
	table := netlook(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	for _, word := range []string{ip, pod, "timeout"} {
		if !strings.Contains(table.stdout, word) {
			t.Errorf("the table does not say %q:\n%s", word, table.stdout)
		}
	}
}

// TestRefusingEndpoint: nothing listens on the port any more: refused, not timeout.
func TestRefusingEndpoint(t *testing.T) {
	needBed(t)
	pod, _, ip := webPod(t)
	drop(t, podNS(t, namespace+"/"+pod), "input", "tcp dport 8080 reject with tcp reset")
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 1 {
		t.Errorf("status %d, want 1", r.code)
	}
	if res := must(t, rep, "service.endpoint", ip, check.Fail); res.Failure != check.Refused {
		t.Errorf("failure is %q, want refused", res.Failure)
	}
}

// TestDNSOverUDPDropped: UDP to one CoreDNS pod is lost, TCP works: both are told.
func TestDNSOverUDPDropped(t *testing.T) {
	needBed(t)
	line := strings.Fields(kubectl(t, "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns",
		"-o", `jsonpath={.items[0].metadata.name} {.items[0].status.podIP}`))
	drop(t, podNS(t, "kube-system/"+line[0]), "input", "udp dport 53 drop")
	rep, r := diagnose(t, "pod", "client", "-n", namespace)
	if r.code != 1 {
		t.Errorf("status %d, want 1", r.code)
	}
	var udpFailed, tcpPassed bool
	for _, res := range results(rep, "dns.cluster", line[1]) {
		switch {
		case strings.Contains(res.Target, "udp"):
			udpFailed = res.Status == check.Fail && res.Failure == check.Timeout
		case strings.Contains(res.Target, "tcp"):
			tcpPassed = res.Status == check.Pass
		}
	}
	if !udpFailed || !tcpPassed {
		t.Errorf("udp failed: %v, tcp passed: %v\n%s", udpFailed, tcpPassed, bad(rep))
	}
}

// TestMTUBlackHole: the underlay of one node carries less than the overlay
// promises, and nothing says so. Small requests pass; path.mtu must fail.
func TestMTUBlackHole(t *testing.T) {
	needBed(t)
	_, node, ip := webPod(t)
	// A VXLAN packet of 1450 bytes inside is 1500 outside: longer ones than 1400 are
	// dropped where they arrive, as a switch with a smaller MTU would.
	drop(t, nodeNS(t, node), "prerouting", "iifname eth0 udp dport 8472 meta length > 1400 drop")
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web")
	if r.code != 1 {
		t.Errorf("status %d, want 1\n%s", r.code, bad(rep))
	}
	found := false
	for _, res := range results(rep, "path.mtu", "") {
		if res.Status == check.Fail && res.Failure == check.MTU {
			found = true
			t.Logf("%s: %s %v", res.Target, res.Summary, res.Evidence)
		}
	}
	if !found {
		t.Errorf("no path.mtu failed though packets over 1400 bytes to %s vanish\n%s", ip, bad(rep))
	}
	must(t, rep, "service.endpoint", ip, check.Pass)
}

// TestNodeFaults breaks a node's kernel state in ways the node vantage point must see.
func TestNodeFaults(t *testing.T) {
	needBed(t)
	tests := []struct {
		name, check string
		inject      []string
		heal        []string
	}{
		{"ip_forward off", "node.sysctl",
			[]string{"sysctl", "-w", "net.ipv4.ip_forward=0"}, []string{"sysctl", "-w", "net.ipv4.ip_forward=1"}},
		{"overlay device down", "node.links",
			[]string{"ip", "link", "set", "flannel.1", "down"}, []string{"ip", "link", "set", "flannel.1", "up"}},
	}
	_, node, _ := webPod(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			restore := nodeState(t, node)
			onNode(t, node, tt.inject...)
			t.Cleanup(func() { onNode(t, node, tt.heal...); restore() })
			rep, r := diagnose(t, "node", node, "-n", namespace)
			if r.code != 1 {
				t.Errorf("status %d, want 1\n%s", r.code, bad(rep))
			}
			if found := results(rep, tt.check, ""); len(found) == 0 || worst(found) != check.Fail {
				t.Errorf("%s did not fail: %+v\n%s", tt.check, found, bad(rep))
			}
		})
	}
}

// TestMissingOverlayEntries removes what flanneld wrote for one peer, one by one.
func TestMissingOverlayEntries(t *testing.T) {
	needBed(t)
	_, peer, _ := webPod(t)
	home := kubectl(t, "-n", namespace, "get", "pod", "client", "-o", "jsonpath={.spec.nodeName}")
	var backend struct{ VtepMAC string }
	if err := json.Unmarshal([]byte(kubectl(t, "get", "node", peer, "-o", `jsonpath={.metadata.annotations.flannel\.alpha\.coreos\.com/backend-data}`)), &backend); err != nil {
		t.Fatal(err)
	}
	cidr := kubectl(t, "get", "node", peer, "-o", "jsonpath={.spec.podCIDR}")
	vtep := strings.Split(cidr, "/")[0]
	address := kubectl(t, "get", "node", peer, "-o", `jsonpath={.status.addresses[?(@.type=="InternalIP")].address}`)
	address = strings.Fields(address)[0]
	tests := []struct {
		check        string
		inject, heal string
	}{
		{"node.fdb", "bridge fdb del " + backend.VtepMAC + " dev flannel.1 dst " + address,
			"bridge fdb append " + backend.VtepMAC + " dev flannel.1 dst " + address + " self permanent"},
		{"node.neigh", "ip neigh del " + vtep + " dev flannel.1",
			"ip neigh replace " + vtep + " lladdr " + backend.VtepMAC + " dev flannel.1 nud permanent"},
		{"node.routes", "ip route del " + cidr,
			"ip route replace " + cidr + " via " + vtep + " dev flannel.1 onlink"},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			onNode(t, home, strings.Fields(tt.inject)...)
			t.Cleanup(func() { onNode(t, home, strings.Fields(tt.heal)...) })
			rep, r := diagnose(t, "node", home, "-n", namespace)
			if r.code != 1 {
				t.Errorf("status %d, want 1", r.code)
			}
			found := results(rep, tt.check, "")
			if len(found) == 0 || worst(found) != check.Fail {
				t.Errorf("%s did not fail: %+v", tt.check, found)
			}
			if !strings.Contains(fmt.Sprint(found), peer) {
				t.Errorf("%s does not name the node %s: %+v", tt.check, peer, found)
			}
		})
	}
}

// nodeState returns a function that puts back the routes and neighbours that a link
// going down takes along.
func nodeState(t *testing.T, node string) func() {
	t.Helper()
	routes := onNode(t, node, "sh", "-c", "ip route show dev flannel.1; true")
	neighbours := onNode(t, node, "sh", "-c", "ip neigh show dev flannel.1 nud permanent; true")
	return func() {
		for _, line := range strings.Split(routes, "\n") {
			if f := strings.Fields(line); len(f) > 0 {
				onNode(t, node, "sh", "-c", "ip route replace "+strings.ReplaceAll(line, "linkdown", "")+" dev flannel.1")
			}
		}
		for _, line := range strings.Split(neighbours, "\n") {
			if f := strings.Fields(line); len(f) >= 3 {
				onNode(t, node, "ip", "neigh", "replace", f[0], "lladdr", f[2], "dev", "flannel.1", "nud", "permanent")
			}
		}
	}
}

func worst(results []check.Result) check.Status {
	w := check.Unknown
	for _, r := range results {
		w = max(w, r.Status)
	}
	return w
}

// TestNoReadyEndpoint: the API alone shows it, and it is a problem found.
func TestNoReadyEndpoint(t *testing.T) {
	kubectlApply(t, `
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: netlook-e2e}
spec: {selector: {app: matches-nothing}, ports: [{port: 80}]}
`)
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/nobody")
	if r.code != 1 {
		t.Errorf("status %d, want 1\n%s", r.code, bad(rep))
	}
	if res := must(t, rep, "service.ready", "", check.Fail); res.Failure != check.NoEndpoint {
		t.Errorf("failure %q, want %q", res.Failure, check.NoEndpoint)
	}
	alone, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/nobody", "--no-inject")
	if r.code != 1 {
		t.Errorf("--no-inject: status %d, want 1\n%s", r.code, bad(alone))
	}
}

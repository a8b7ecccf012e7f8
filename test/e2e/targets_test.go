//go:build e2e

package e2e

import (
	"net"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestTargets: a target of every kind, and for each the result that the server
// behind it deserves.
func TestTargets(t *testing.T) {
	ip := kubectl(t, "-n", namespace, "get", "pod", "kinds", "-o", "jsonpath={.status.podIP}")
	node := kubectl(t, "-n", namespace, "get", "pod", "kinds", "-o", "jsonpath={.spec.nodeName}")
	at := func(port string) string { return net.JoinHostPort(ip, port) }
	if cluster.bed {
		// The kernel tells a peer of closed UDP ports once a second, after a burst of six
		// (icmp_ratelimit, icmp(7)). So many cases in a row use that up.
		inPod(t, namespace+"/kinds", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")
	}
	tests := []struct {
		name, to, check string
		want            check.Status
		failure         check.Failure
		exit            int
	}{
		{"pod by port name", "pod/kinds:http", "target.tcp", check.Pass, "", 0},
		{"pod by number", "pod/kinds:8080", "target.tcp", check.Pass, "", 0},
		{"workload", "deploy/web:8080", "target.tcp", check.Pass, "", 0},
		{"node's kubelet", "node/" + node + ":10250", "target.tcp", check.Pass, "", 0},
		{"ip", at("8080"), "target.tcp", check.Pass, "", 0},
		{"host", "web." + namespace + ".svc.cluster.local:80", "target.tcp", check.Pass, "", 0},
		{"http url", "http://" + at("8080") + "/", "target.http", check.Pass, "", 0},
		{"server speaks first", at("2525"), "target.tcp", check.Pass, "", 0},
		{"server waits to be spoken to", at("7070"), "target.tcp", check.Pass, "", 0},
		{"nothing listens", at("81"), "target.tcp", check.Fail, check.Refused, 1},
		{"accepts and never answers", "http://" + at("6060") + "/", "target.http", check.Fail, check.Silent, 1},
		{"accepts and resets", at("6061"), "target.tcp", check.Fail, check.Reset, 1},
		{"udp answers", at("9090") + "/udp", "target.udp", check.Pass, "", 0},
		{"udp port closed", at("9091") + "/udp", "target.udp", check.Fail, check.Refused, 1},
		{"udp is silent", at("8472") + "/udp", "target.udp", check.Warn, check.Timeout, 0},
		{"an address nobody has", "10.9.9.9", "target.icmp", check.Skipped, "", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == check.Warn {
				needBed(t)
				drop(t, podNS(t, namespace+"/kinds"), "input", "udp dport 8472 drop")
			}
			rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", tt.to)
			if res := must(t, rep, tt.check, "", tt.want); res.Failure != tt.failure {
				t.Errorf("failure %q, want %q: %s", res.Failure, tt.failure, res.Summary)
			}
			if r.code != tt.exit {
				t.Errorf("status %d, want %d\n%s", r.code, tt.exit, bad(rep))
			}
		})
	}
}

// TestPhases: an HTTPS target tells its phases apart, and whom it could not trust.
func TestPhases(t *testing.T) {
	rep, _ := diagnose(t, "pod", "client", "-n", namespace, "--to", "http://web."+namespace+".svc.cluster.local/")
	res := must(t, rep, "target.http", "", check.Pass)
	names := map[string]bool{}
	for _, a := range res.Attempts {
		for _, p := range a.Phases {
			names[p.Name] = true
		}
	}
	for _, want := range []string{"dns", "connect", "firstByte"} {
		if !names[want] {
			t.Errorf("no phase %q in %v", want, names)
		}
	}
}

// TestManyTargets: several targets go into one report.
func TestManyTargets(t *testing.T) {
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--to", "svc/web", "--to", "pod/kinds:8080", "--to", "svc/kube-system/kube-dns")
	if r.code != 0 {
		t.Errorf("status %d\n%s", r.code, bad(rep))
	}
	must(t, rep, "service.vip", ":80", check.Pass)
	must(t, rep, "service.vip", ":53", check.Pass)
	must(t, rep, "target.tcp", ":8080", check.Pass)
}

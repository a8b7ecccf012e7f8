//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// manyAddresses is a range for benchmarks of networks (RFC 2544); the router of the
// test cluster answers for all of it, with the sample app on port 80.
const manyAddresses = "198.18.0.0/21"

// router runs a command in the test cluster's router, where the outside world is.
func router(b *testing.B, args ...string) {
	b.Helper()
	if out, err := exec.Command("ip", append([]string{"netns", "exec", "netlook-router"}, args...)...).CombinedOutput(); err != nil {
		b.Fatalf("%s in the router: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// thousand makes a service of 1,000 endpoints that no pod stands behind.
func thousand(b *testing.B) {
	b.Helper()
	var manifest strings.Builder
	fmt.Fprintf(&manifest, `
apiVersion: v1
kind: Service
metadata: {name: many, namespace: %[1]s}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: many-1, namespace: %[1]s, labels: {kubernetes.io/service-name: many}}
addressType: IPv4
ports: [{name: http, port: 80}]
endpoints:
`, namespace)
	for i := range 1000 {
		fmt.Fprintf(&manifest, "- addresses: [198.18.%d.%d]\n", i/250, 1+i%250)
	}
	apply := exec.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(manifest.String())
	if out, err := apply.CombinedOutput(); err != nil {
		b.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	b.Cleanup(func() {
		kubectl(b, "-n", namespace, "delete", "service/many", "endpointslice/many-1", "--ignore-not-found")
	})
}

// BenchmarkThousandAlive: 1,000 endpoints that all answer; the budget is 2 s, of a
// probe that is there.
func BenchmarkThousandAlive(b *testing.B) {
	benchThousand(b, check.Pass, "local", "dev", "lo")
}

// BenchmarkThousandDead: 1,000 endpoints that drop everything; the floor is one
// check's deadline, and the budget 1.2 times that.
func BenchmarkThousandDead(b *testing.B) {
	benchThousand(b, check.Fail, "blackhole")
}

// benchThousand measures a warm run against endpoints that a route of the router
// makes what they are: "local" answers, "blackhole" drops without a word.
func benchThousand(b *testing.B, want check.Status, kind string, more ...string) {
	if !cluster.bed {
		b.Skip("needs the router of the test cluster")
	}
	const timeout = 2 * time.Second
	router(b, append([]string{"ip", "route", "replace", kind, manyAddresses}, more...)...)
	b.Cleanup(func() { router(b, "ip", "route", "del", kind, manyAddresses) })
	thousand(b)
	args := []string{"pod", "client", "-n", namespace, "--to", "svc/many", "--external", "none", "--attempts", "1", "--timeout", timeout.String()}
	diagnose(b, args...) // starts the probe
	var took, probing time.Duration
	for b.Loop() {
		rep, r := diagnose(b, args...)
		found := results(rep, "service.endpoint", "198.18.")
		if len(found) != 1000 {
			b.Fatalf("%d endpoints were tried\n%s", len(found), r.stderr)
		}
		slowest := check.Duration(0)
		for _, res := range found {
			if res.Status != want {
				b.Fatalf("%s: %s %s, want %s", res.Target, res.Status, res.Summary, want)
			}
			slowest = max(slowest, res.Duration)
		}
		took += r.took
		probing += slowest.D()
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s-run/op")
	b.ReportMetric(probing.Seconds()/float64(b.N), "s-slowest/op")
	if want == check.Fail {
		b.ReportMetric(took.Seconds()/float64(b.N)/timeout.Seconds(), "x-deadline")
	}
}

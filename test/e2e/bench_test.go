//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// probeImage is what the runs inject; the floor starts the same image.
func probeImage(b *testing.B) string {
	b.Helper()
	rep, _ := diagnose(b, "pod", "client", "-n", namespace)
	return rep.Probe.Image
}

// benchPod makes a pod of its own for one benchmark, since ephemeral containers
// stay with a pod for good.
func benchPod(b *testing.B) string {
	b.Helper()
	name := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	kubectl(b, "-n", namespace, "run", name, "--image=docker.io/netlook/app:test", "--image-pull-policy=IfNotPresent", "--", "--http", ":8080")
	kubectl(b, "-n", namespace, "wait", "--for=condition=Ready", "pod/"+name, "--timeout=60s")
	b.Cleanup(func() {
		kubectl(b, "-n", namespace, "delete", "pod", name, "--force", "--grace-period=0", "--wait=false")
	})
	return name
}

// BenchmarkCold measures a first run beside its floor in the same loop: what
// `kubectl debug` needs until a container of the same image has started. The budget
// (docs/design.md, section 11) is the floor + 0.5 s.
func BenchmarkCold(b *testing.B) {
	image := probeImage(b)
	pod := benchPod(b)
	var floor, cold time.Duration
	for b.Loop() {
		b.StopTimer()
		name := fmt.Sprintf("floor-%d", time.Now().UnixNano())
		start := time.Now()
		kubectl(b, "-n", namespace, "debug", pod, "--image", image, "--container", name, "--profile=restricted", "--attach=false", "--quiet", "--", "/netlook-probe", "--version")
		eventually(b, "kubectl debug's container has started", 30*time.Second, func() bool {
			return strings.Contains(kubectl(b, "-n", namespace, "get", "pod", pod, "-o",
				`jsonpath={.status.ephemeralContainerStatuses[?(@.name=="`+name+`")].state}`), "containerID")
		})
		floor += time.Since(start)
		b.StartTimer()
		r := netlook(b, "pod", pod, "-n", namespace, "--to", "svc/web", "--keep-alive", "0")
		if r.code != 0 {
			b.Fatalf("status %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		cold += r.took
	}
	b.ReportMetric(floor.Seconds()/float64(b.N), "s-floor/op")
	b.ReportMetric(cold.Seconds()/floor.Seconds(), "x-floor")
	b.ReportMetric((cold-floor).Seconds()/float64(b.N), "s-over-floor/op")
}

// BenchmarkWarm measures a repeat, beside `kubectl get pod` as the floor of any
// plugin that asks the API one thing. The budget is 0.3 s.
func BenchmarkWarm(b *testing.B) {
	diagnose(b, "pod", "client", "-n", namespace, "--to", "svc/web")
	var floor, warm time.Duration
	for b.Loop() {
		b.StopTimer()
		start := time.Now()
		kubectl(b, "-n", namespace, "get", "pod", "client")
		floor += time.Since(start)
		b.StartTimer()
		r := netlook(b, "pod", "client", "-n", namespace, "--to", "svc/web")
		if r.code != 0 {
			b.Fatalf("status %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		warm += r.took
	}
	b.ReportMetric(floor.Seconds()/float64(b.N), "s-kubectl-get/op")
	b.ReportMetric(warm.Seconds()/floor.Seconds(), "x-floor")
}

// BenchmarkSizes reports bytes and memory against the budgets: probe <= 15 MB, its
// image <= 6 MB, its RSS <= 25 MB.
func BenchmarkSizes(b *testing.B) {
	for b.Loop() {
		diagnose(b, "pod", "client", "-n", namespace, "--to", "svc/web")
	}
	for file, unit := range map[string]string{"netlook-probe": "MB-probe", "probe.tar": "MB-image", "kubectl-netlook": "MB-plugin"} {
		info, err := os.Stat(filepath.Join(cluster.root, "bin", file))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, unit)
	}
	if !cluster.bed {
		return
	}
	if rss := probeRSS(b); rss > 0 {
		b.ReportMetric(rss, "MB-RSS")
	}
}

// probeRSS is the largest resident set of the probes that run on this machine, in
// MB (VmHWM: the peak), 0 when none does.
func probeRSS(b *testing.B) float64 {
	b.Helper()
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		b.Fatal(err)
	}
	largest := 0.0
	for _, file := range statuses {
		status, err := os.ReadFile(file) // processes come and go
		if err != nil || !strings.HasPrefix(string(status), "Name:\tnetlook-probe\n") {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kb float64
			if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
				largest = max(largest, kb/1000)
			}
		}
	}
	return largest
}

package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine says what measured, when, and in which company.
func (b *Bed) Machine(ctx context.Context) ([]Fact, error) {
	kubernetes, err := b.client.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	version, err := b.output(ctx, "kubectl", "netlook", "version")
	if err != nil {
		return nil, err
	}
	version, _, _ = strings.Cut(version, "\n")
	nodes, err := b.output(ctx, "kubectl", "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return nil, err
	}
	return []Fact{
		{"Measured", time.Now().UTC().Format("2006-01-02 15:04 MST")},
		{"Machine", fmt.Sprintf("%d cores (%s), %s of memory, Linux %s", runtime.NumCPU(), procLine("/proc/cpuinfo", "model name"), gib(procLine("/proc/meminfo", "MemTotal")), read("/proc/sys/kernel/osrelease"))},
		{"Load of one minute at the start", firstWord(read("/proc/loadavg"))},
		{"Kubernetes", fmt.Sprintf("%s, the test cluster: API server and %d nodes on this same machine", kubernetes.GitVersion, len(strings.Fields(nodes)))},
		{"netlook", version},
	}, nil
}

func read(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// procLine is the value of the first line "key: value" of a file.
func procLine(file, key string) string {
	lines := bufio.NewScanner(strings.NewReader(read(file)))
	for lines.Scan() {
		if k, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// gib turns "24689348 kB" into "24 GiB".
func gib(kib string) string {
	var n int64
	if _, err := fmt.Sscanf(kib, "%d kB", &n); err != nil {
		return kib
	}
	return fmt.Sprintf("%d GiB", (n+1<<19)>>20)
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

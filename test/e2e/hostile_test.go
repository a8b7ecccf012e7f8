//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/netlook/kubectl-netlook/images/imagetar"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
	"github.com/netlook/kubectl-netlook/test/hostile"
)

const (
	hostileImage     = "docker.io/netlook/probe:hostile"
	hostileNamespace = "netlook-hostile"
	hostileDeadline  = 10 * time.Second
	hostileStart     = 10 * time.Second
	// hostileLimit is how long a run may take: the time for a start, for the session and
	// its spare, for the log, and some for a machine that does much else.
	hostileLimit = hostileStart + hostileDeadline + 5*time.Second + 25*time.Second
	// hostileMemory bounds the plugin's resident memory, in bytes. What a probe says may
	// take 128 MiB as it is counted (wire.MaxHeld).
	hostileMemory = 512 << 20
	// hostileOutput bounds what is printed, in bytes: JSON has all that wire.MaxHeld let in.
	hostileOutput = 128 << 20
)

// shown are the attacks whose results are printed, in every format; of the others the
// plugin has little to show.
var shown = []string{"escapes", "markup", "utf8", "tables"}

// attacked is one run of the plugin against a hostile probe.
type attacked struct {
	attack, format string
	run
	memory int64
	failed error
}

// TestHostileProbe: whatever a probe says, nothing of it reaches the terminal raw, the
// plugin keeps to its deadline and to its memory, and does not call anything healthy.
func TestHostileProbe(t *testing.T) {
	needBed(t)
	loadHostile(t)
	attacks := hostile.Names()
	kubectlApply(t, fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", hostileNamespace))
	kubectl(t, "-n", hostileNamespace, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
	var manifest strings.Builder
	for _, a := range attacks {
		fmt.Fprintf(&manifest, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: hostile-%s, namespace: %s}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers: [{name: app, image: docker.io/netlook/app:test, args: [--http, \":8080\"]}]\n", a, hostileNamespace)
	}
	kubectlApply(t, manifest.String())
	eventually(t, "every pod is ready", 5*time.Minute, func() bool {
		ready := kubectl(t, "-n", hostileNamespace, "get", "pods", "-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		return strings.Count(ready, "True") == len(attacks)
	})

	reached := map[string]bool{"busy": true} // which is never reached
	for _, r := range attackAll(attacks) {
		reached[r.attack] = reached[r.attack] || !strings.Contains(r.stderr, "start a probe in")
		t.Run(r.attack+"/"+r.format, func(t *testing.T) {
			if r.failed != nil {
				t.Fatal(r.failed)
			}
			t.Logf("status %d after %.1f s, %d MB, %d bytes; %s", r.code, r.took.Seconds(), r.memory>>20, len(r.stdout), lastLine(r.stderr))
			if r.code != 1 && r.code != 2 {
				t.Errorf("status %d, want 1 or 2", r.code)
			}
			if r.took > hostileLimit {
				t.Errorf("took %s, at most %s", r.took, hostileLimit)
			}
			if r.memory > hostileMemory {
				t.Errorf("took %d MB of memory", r.memory>>20)
			}
			if len(r.stdout)+len(r.stderr) > hostileOutput {
				t.Errorf("%d bytes on stdout, %d on stderr", len(r.stdout), len(r.stderr))
			}
			harmlessText(t, "stdout", r.stdout)
			harmlessText(t, "stderr", r.stderr)
			if n := strings.Count("\n"+r.stderr, "\nerror: "); n > 1 || n == 0 && r.stdout == "" {
				t.Errorf("%d error lines, and %d bytes of a report:\n%.2000s", n, len(r.stdout), r.stderr)
			}
			if r.format == "json" && r.stdout != "" && !json.Valid([]byte(r.stdout)) {
				t.Errorf("no JSON: %.500s", r.stdout)
			}
			if markup := []string{"html", "junit"}; slices.Contains(markup, r.format) && strings.Contains(r.stdout, "<script>alert") {
				t.Error("markup of the probe is in the page as it was")
			}
		})
	}
	for _, a := range attacks {
		if !reached[a] {
			t.Errorf("%s: no run got as far as the attack", a)
		}
	}
	noNodePods(t)
}

// loadHostile builds the hostile probe and loads it into the nodes.
func loadHostile(t *testing.T) {
	t.Helper()
	binary, archive := filepath.Join(t.TempDir(), "hostile"), filepath.Join(t.TempDir(), "hostile.tar")
	build := exec.Command("go", "build", "-o", binary, "./test/hostile/cmd/hostile")
	build.Dir = cluster.root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the hostile probe: %v\n%s", err, out)
	}
	_, err := imagetar.Write(archive, imagetar.Image{
		Ref: hostileImage, Entrypoint: []string{"/netlook-probe"}, User: "65532:65532", WorkingDir: "/",
		Files: map[string]imagetar.File{"/netlook-probe": {Source: binary, Mode: 0o755}},
	})
	if err != nil {
		t.Fatal(err)
	}
	testcluster(t, "load", archive)
}

// attackAll runs the plugin against each attack, a few at a time: most runs wait.
func attackAll(attacks []string) []attacked {
	const atATime = 8
	var formats []string
	for _, p := range printer.List() {
		formats = append(formats, p.Name)
	}
	var mu sync.Mutex
	var all []attacked
	var wg sync.WaitGroup
	slots := make(chan struct{}, atATime)
	for _, a := range attacks {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			of := []string{"table", "json"}
			if slices.Contains(shown, a) {
				of = formats
			}
			for _, format := range of {
				r := attack(a, format)
				mu.Lock()
				all = append(all, r)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b attacked) int { return strings.Compare(a.attack+a.format, b.attack+b.format) })
	return all
}

func attack(name, format string) attacked {
	r := attacked{attack: name, format: format}
	ctx, cancel := context.WithTimeout(context.Background(), 2*hostileLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl-netlook", "pod", "hostile-"+name, "-n", hostileNamespace, "--image", hostileImage,
		"--external", "none", "--timeout", "1s", "--deadline", hostileDeadline.String(), "--start-timeout", hostileStart.String(), "-o", format)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r.stdout, r.stderr, r.took = stdout.String(), stderr.String(), time.Since(began)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		r.failed = fmt.Errorf("after %s: %w\n%.2000s", r.took, err, r.stderr)
		return r
	}
	r.code = cmd.ProcessState.ExitCode()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = usage.Maxrss << 10
	}
	return r
}

// harmlessText asserts that a terminal would show a text as it is: UTF-8, and no
// character that controls anything but the end of a line.
func harmlessText(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is not UTF-8", what)
	}
	for i, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%s holds %U: %q", what, r, text[max(0, i-60):min(len(text), i+20)])
			return
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

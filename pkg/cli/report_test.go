package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// saved runs a command line and saves what it prints.
func saved(t *testing.T, f *fakeBackend, args ...string) (path string, got ran) {
	t.Helper()
	got = runWith(t, t.Context(), f, args...)
	path = filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(path, []byte(got.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, got
}

// failing answers all tasks, the first of them with a failure.
func failing() *fakeBackend {
	probe := &fakeProbe{run: func(_ context.Context, tasks []check.Task, onResult func(check.Result)) (outcome, error) {
		for i, task := range tasks {
			r := pass(task)
			if i == 0 {
				r.Status, r.Failure, r.Summary = check.Fail, check.Timeout, "no answer after 2 s"
			}
			onResult(r)
		}
		return outcome{}, nil
	}}
	return &fakeBackend{inject: func(context.Context, inject.Options) (prober, error) { return probe, nil }}
}

// offline is a machine without a cluster, and with something on standard input.
func offline(t *testing.T, input string) func(*seams) {
	return func(s *seams) {
		s.In = strings.NewReader(input)
		s.connect = func(genericclioptions.RESTClientGetter) (backend, error) {
			t.Error("a cluster was asked")
			return nil, errors.New("no cluster")
		}
	}
}

// TestReport: a saved run prints as it did, with its own exit status, and no cluster.
func TestReport(t *testing.T) {
	for name, f := range map[string]func() *fakeBackend{"healthy": func() *fakeBackend { return &fakeBackend{} }, "failing": failing} {
		path, run := saved(t, f(), "pod", "web-0", "-o", "json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		again := runOn(t, t.Context(), nil, offline(t, ""), "report", path, "-o", "json")
		if again.stdout != run.stdout || again.code != run.code || again.stderr != "" {
			t.Errorf("%s: exit status %d and %d, stderr %q, and stdout differs: %v", name, run.code, again.code, again.stderr, again.stdout != run.stdout)
		}
		fromFile := runOn(t, t.Context(), nil, offline(t, ""), "report", path)
		fromInput := runOn(t, t.Context(), nil, offline(t, string(text)), "report", "-")
		if fromFile.stdout == "" || fromFile.stdout != fromInput.stdout || fromInput.code != run.code {
			t.Errorf("%s: file and standard input differ:\n%s%s", name, fromFile.stdout, fromInput.stdout)
		}
	}
}

func TestReportBaseline(t *testing.T) {
	monday, _ := saved(t, &fakeBackend{}, "pod", "web-0", "-o", "json")
	tuesday, _ := saved(t, failing(), "pod", "web-0", "-o", "yaml")
	got := runOn(t, t.Context(), nil, offline(t, ""), "report", tuesday, "--baseline", monday)
	if got.code != 1 || !strings.Contains(got.stdout, "broken       dns name 10.96.0.10: ok before, fail now") {
		t.Errorf("exit status %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	// A run compares with the same words, and its report keeps them.
	path, run := saved(t, failing(), "pod", "web-0", "--baseline", monday, "-o", "json")
	if run.code != 1 {
		t.Errorf("exit status %d: %s", run.code, run.stderr)
	}
	got = runOn(t, t.Context(), nil, offline(t, ""), "report", path)
	if !strings.Contains(got.stdout, "broken       dns name 10.96.0.10: ok before, fail now") {
		t.Errorf("the changes were not saved:\n%s", got.stdout)
	}
	r, err := readReport(path, nil)
	if err != nil || len(r.Changes.Checks) != 1 || r.Changes.Checks[0].Kind != report.ChangeBroken || r.Changes.Checks[0].After != check.Fail {
		t.Errorf("%v: %+v", err, r)
	}
	for _, args := range [][]string{{"node", "w1"}, {"service", "web"}, {"dns"}, {"policy", "web-0", "10.0.0.1:80"}} {
		if got := runWith(t, t.Context(), &fakeBackend{}, append(args, "--baseline", monday)...); !strings.Contains(got.stdout, " changed since ") {
			t.Errorf("%v: nothing is compared:\n%s%s", args, got.stdout, got.stderr)
		}
	}
}

// TestReportBadFile: one line that says what is wrong, before anything is put anywhere.
func TestReportBadFile(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "pod.json")
	if err := os.WriteFile(bad, []byte(`{"apiVersion":"v1","kind":"Pod\u001b[2J"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		says string
	}{
		"none":          {[]string{"report"}, "error: name a file with a saved report"},
		"no such file":  {[]string{"report", dir + "/x.json"}, "error: " + dir + "/x.json: no such file or directory"},
		"a folder":      {[]string{"report", dir + "/"}, "error: " + dir + " is a folder: name a file in it"},
		"another kind":  {[]string{"report", bad}, "error: " + bad + `: not a netlook report: apiVersion "v1", kind "Pod\x1b[2J"; save one with: kubectl netlook pod NAME -o json > FILE`},
		"empty input":   {[]string{"report", "-"}, "error: standard input: not a netlook report: it is empty"},
		"input twice":   {[]string{"report", "-", "--baseline", "-"}, "error: standard input can be one of the two reports"},
		"format":        {[]string{"report", bad, "-o", "xml"}, `error: --output: no output format "xml"`},
		"baseline":      {[]string{"report", bad, "--baseline", bad}, "error: " + bad + ": not a netlook report"},
		"of a pod run":  {[]string{"pod", "web-0", "--baseline", bad}, "error: --baseline: " + bad + ": not a netlook report"},
		"of a node run": {[]string{"node", "w1", "--baseline", dir + "/x"}, "error: --baseline: " + dir + "/x: no such file or directory"},
	}
	for name, tt := range tests {
		f := &fakeBackend{}
		got := runWith(t, t.Context(), f, tt.args...)
		line, _, _ := strings.Cut(got.stderr, "\n")
		if got.code != 2 || got.stdout != "" || f.injected != 0 || !strings.HasPrefix(line, tt.says) {
			t.Errorf("%s: exit status %d, %d injected, stdout %q, says\n%s\nwant\n%s", name, got.code, f.injected, got.stdout, got.stderr, tt.says)
		}
	}
}

func TestReportCompletesFiles(t *testing.T) {
	for _, args := range [][]string{{"report", ""}, {"report", "x.json", "--baseline", ""}, {"pod", "web-0", "--baseline", ""}} {
		got := runWith(t, t.Context(), &fakeBackend{}, append([]string{"__complete"}, args...)...)
		if got.stdout != "json\nyaml\nyml\n:8\n" { // 8: what came before are extensions of files
			t.Errorf("%v: %q", args, got.stdout)
		}
	}
	if got := runWith(t, t.Context(), &fakeBackend{}, "__complete", "report", "x.json", ""); got.stdout != ":4\n" {
		t.Errorf("a second file: %q", got.stdout)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/diagnose/causes"
)

// TestArguments: what kubectl runs for a completion is this binary by another name.
func TestArguments(t *testing.T) {
	tests := map[string]struct{ argv, want []string }{
		"nothing":            {nil, nil},
		"the plugin":         {[]string{"/usr/bin/kubectl-netlook", "pod", ""}, []string{"pod", ""}},
		"the plugin's word":  {[]string{"kubectl-netlook", "kubectl_complete-netlook"}, []string{"kubectl_complete-netlook"}},
		"the completer":      {[]string{"kubectl_complete-netlook", "pod", ""}, []string{"__complete", "pod", ""}},
		"by its path":        {[]string{"/home/jane/bin/kubectl_complete-netlook", "p"}, []string{"__complete", "p"}},
		"on Windows":         {[]string{"kubectl_complete-netlook.exe", "p"}, []string{"__complete", "p"}},
		"on Windows, shouts": {[]string{"KUBECTL_COMPLETE-NETLOOK.EXE", "p"}, []string{"__complete", "p"}},
		"another plugin's":   {[]string{"kubectl_complete-netlooks", "p"}, []string{"p"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Arguments(tt.argv)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// completed runs a completion and returns the words, without their descriptions.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	got := runOn(t, t.Context(), &fakeBackend{}, func(s *seams) { s.registry, s.causes = &checks.Registry, &causes.Registry }, append([]string{"__complete"}, args...)...)
	var words []string
	for line := range strings.Lines(got.stdout) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

func TestCompletionOfCodes(t *testing.T) {
	var codes, ids []string
	for _, c := range causes.Registry.List() {
		codes = append(codes, c.Code)
	}
	for _, c := range checks.Registry.List() {
		ids = append(ids, c.ID)
	}
	if diff := cmp.Diff(append(codes, ids...), completed(t, "explain", "")); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"path.loss"}, completed(t, "explain", "path.l")); diff != "" {
		t.Errorf("a check (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"NL-SVC-ENDPOINT-DOWN"}, completed(t, "explain", "NL-SVC-ENDPOINT-D")); diff != "" {
		t.Errorf("a cause (-want +got):\n%s", diff)
	}
	if got := completed(t, "explain", "path.loss", ""); got != nil {
		t.Errorf("a second one: %q", got)
	}
}

func TestCompletionOfContexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	config := "apiVersion: v1\nkind: Config\n" +
		"contexts: [{name: staging, context: {cluster: a}}, {name: prod, context: {cluster: b}}, {name: playground, context: {cluster: b}}]\n" +
		"clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b'}}]\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"playground", "prod"}, completed(t, "--kubeconfig", file, "--context", "p")); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, completed(t, "--kubeconfig", file, "pod", "--cluster", "")); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

// TestExplain: every check and every cause has a page, found however it is typed.
func TestExplain(t *testing.T) {
	explain := func(word string) ran {
		return runOn(t, t.Context(), &fakeBackend{}, func(s *seams) { s.registry, s.causes = &checks.Registry, &causes.Registry }, "explain", word)
	}
	for _, c := range checks.Registry.List() {
		if got := explain(c.ID); got.code != 0 || !strings.HasPrefix(got.stdout, c.ID+"\n  "+c.Summary+"\n") || !strings.Contains(got.stdout, "NEEDS\n") {
			t.Errorf("%s: status %d\n%s%s", c.ID, got.code, got.stdout, got.stderr)
		}
	}
	for _, c := range causes.Registry.List() {
		if got := explain(strings.ToLower(c.Code)); got.code != 0 || !strings.HasPrefix(got.stdout, c.Code+"\n") {
			t.Errorf("%s: status %d\n%s%s", c.Code, got.code, got.stdout, got.stderr)
		}
	}
	for word, says := range map[string]string{
		"DNS.Cluster":         "",
		"dns.clster":          `no cause or check "dns.clster"; did you mean dns.cluster?`,
		"nl-svc-endpoint-dwn": "did you mean NL-SVC-ENDPOINT-DOWN?",
		"weather":             "kubectl netlook checks lists them",
	} {
		got := explain(word)
		if (got.code == 0) != (says == "") || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: status %d\n%s", word, got.code, got.stderr)
		}
	}
}

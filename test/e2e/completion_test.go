//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCompletion asks kubectl itself for completions, as a shell does: kubectl finds
// the plugin's completer on PATH, which is a link to the plugin.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(cluster.root, "bin", "kubectl-netlook"), filepath.Join(dir, "kubectl_complete-netlook")); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	context := kubectl(t, "config", "current-context")
	node := strings.Fields(kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))[0]
	tests := map[string]struct {
		typed []string
		want  string // among what is offered
		not   string // and this is not
	}{
		"commands":              {[]string{"ex"}, "explain", ""},
		"pods":                  {[]string{"pod", "-n", namespace, ""}, "client", "web"},
		"pods by prefix":        {[]string{"pod", "-n", namespace, "cl"}, "client", "spare"},
		"pods elsewhere":        {[]string{"pod", "--namespace=" + restricted, ""}, "strict", "client"},
		"pods of a context":     {[]string{"--context", context, "pod", "-n", namespace, ""}, "client", ""},
		"nodes":                 {[]string{"node", ""}, node, ""},
		"services":              {[]string{"service", "-n", namespace, ""}, "web", "client"},
		"services of --to":      {[]string{"pod", "client", "-n", namespace, "--to", "svc/"}, "svc/web", ""},
		"pods of --to":          {[]string{"pod", "client", "-n", namespace, "--to", "pod/sp"}, "pod/spare", ""},
		"nodes of --from":       {[]string{"service", "web", "-n", namespace, "--from", "node/"}, "node/" + node, ""},
		"namespaces":            {[]string{"pod", "-n", "netlook-"}, restricted, "kube-system"},
		"contexts":              {[]string{"pod", "--context", ""}, context, ""},
		"checks":                {[]string{"explain", "dns."}, "dns.cluster", "path.mtu"},
		"causes":                {[]string{"explain", "NL-SVC-"}, "NL-SVC-ENDPOINT-DOWN", "dns.cluster"},
		"no such namespace":     {[]string{"pod", "-n", "netlook-none", ""}, "", "client"},
		"no such context":       {[]string{"--context", "netlook-none", "pod", ""}, "", "client"},
		"output formats":        {[]string{"pod", "-o", ""}, "junit", ""},
		"nothing after the pod": {[]string{"pod", "client", "-n", namespace, ""}, "", "spare"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := program(t, env, "kubectl", append([]string{"__completeNoDesc", "netlook"}, test.typed...)...)
			// The last line tells the shell what to do; files are never meant (4).
			lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
			last := lines[len(lines)-1]
			offered := lines[:len(lines)-1]
			if r.code != 0 || (last != ":4" && last != ":6") {
				t.Fatalf("status %d, directive %q\n%s%s", r.code, last, r.stdout, r.stderr)
			}
			if test.want != "" && !slices.Contains(offered, test.want) {
				t.Errorf("%q does not offer %s\n%s", offered, test.want, r.stderr)
			}
			if test.not != "" && slices.Contains(offered, test.not) {
				t.Errorf("%q offers %s", offered, test.not)
			}
		})
	}
}

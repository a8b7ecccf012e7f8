package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

func TestBadInput(t *testing.T) {
	tests := map[string]struct {
		args []string
		says string // the error line, or how it begins
	}{
		"unknown verb":         {[]string{"pdo", "web-0"}, `error: no command "pdo"; did you mean "pod"?`},
		"unknown verb, far":    {[]string{"xyzzy"}, `error: no command "xyzzy"; there are: `},
		"unknown flag":         {[]string{"pod", "web-0", "--too", "x"}, "error: unknown flag: --too; did you mean --to?"},
		"no pod":               {[]string{"pod"}, "error: name a pod"},
		"no service":           {[]string{"service"}, "error: name a service"},
		"port of a service":    {[]string{"service", "web:99999"}, `error: target "svc/web:99999": port "99999" is out of range: 1 to 65535`},
		"from a service":       {[]string{"service", "web", "--from", "svc/x"}, "error: --from: svc/x is no place to look from: pod/NAME or node/NAME"},
		"dns from nowhere":     {[]string{"dns", "--from", "pod/"}, "error: --from: "},
		"dns of dots":          {[]string{"dns", ".."}, `error: ".." is no name of DNS: `},
		"policy, too many":     {[]string{"policy", "a", "svc/b", "svc/c"}, "error: a pod and a target are needed: kubectl netlook policy POD TARGET[:PORT]; got a svc/b svc/c"},
		"deep without probes":  {[]string{"pod", "web-0", "--deep", "--no-inject"}, "error: --deep takes probes on nodes, and --no-inject allows none"},
		"outside, no packets":  {[]string{"service", "web", "--from-outside", "--no-inject"}, "error: --from-outside sends packets, and --no-inject allows none"},
		"two pods":             {[]string{"pod", "a", "b"}, "error: one pod at a time: got a b"},
		"a service as vantage": {[]string{"pod", "svc/web"}, "error: svc/web is a service, not a pod"},
		"a node as pod":        {[]string{"pod", "node/w1"}, "error: node/w1 is a node, not a pod: try kubectl netlook node w1"},
		"other namespace":      {[]string{"pod", "pod/a/web", "-n", "b"}, "error: pod/a/web is in namespace a, but -n says b"},
		"malformed target":     {[]string{"pod", "web-0", "--to", "scv/web"}, "error: --to: "},
		"port out of range":    {[]string{"pod", "web-0", "--to", "10.0.0.1:99999"}, "error: --to: "},
		"external in cluster":  {[]string{"pod", "web-0", "--external", "svc/web"}, `error: --external: "svc/web" is a service of the cluster; use --to svc/web`},
		"unknown output":       {[]string{"pod", "web-0", "-o", "xml"}, `error: --output: no output format "xml"; there are: html, json, junit, markdown, plain, table, wide, yaml`},
		"unknown profile":      {[]string{"pod", "web-0", "--profile", "root"}, `error: --profile: no "root"; there are: restricted, netraw, netadmin`},
		"node profile in pod":  {[]string{"pod", "web-0", "--profile", "node"}, `error: --profile: no "node"; there are: restricted, netraw, netadmin`},
		"no attempts":          {[]string{"pod", "web-0", "--attempts", "0"}, "error: --attempts: 0 is not between 1 and 100"},
		"no timeout":           {[]string{"pod", "web-0", "--timeout", "0"}, "error: --timeout: 0s is not between 10ms and 10m0s"},
		"not a duration":       {[]string{"pod", "web-0", "--timeout", "2"}, "error: invalid argument \"2\" for \"--timeout\" flag"},
		"negative keep-alive":  {[]string{"pod", "web-0", "--keep-alive", "-1s"}, "error: --keep-alive: -1s is not between 0s and 1h0m0s"},
		"no image":             {[]string{"pod", "web-0", "--image", ""}, "error: --image: an image is needed"},
		"pull policy":          {[]string{"pod", "web-0", "--image-pull-policy", "Maybe"}, `error: --image-pull-policy: no "Maybe"`},
		"rbac for what":        {[]string{"rbac", "--for", "all"}, `error: --for: "all" is none of pod, node, api`},
		"arguments to checks":  {[]string{"checks", "dns"}, `error: kubectl netlook checks takes no arguments, got "dns"`},
		"shell where":          {[]string{"shell"}, "error: name a pod, or node/NAME"},
		"shell without --":     {[]string{"shell", "web-0", "ip", "addr"}, "error: write -- before the command: web-0 -- ip addr"},
		"shell of nothing":     {[]string{"shell", "web-0", "--"}, "error: a command is missing behind --"},
		"shell of a service":   {[]string{"shell", "svc/web"}, "error: svc/web is a service: a shell is opened beside a pod, or on node/NAME"},
		"shell, node profile":  {[]string{"shell", "web-0", "--profile", "node"}, `error: --profile: no "node" here; there are: netadmin, netraw, restricted`},
		"shell, pull secret":   {[]string{"shell", "web-0", "--image-pull-secret", "s"}, "error: --image-pull-secret: an ephemeral container can only use the pull secrets of its pod"},
		"shell for ever":       {[]string{"shell", "web-0", "--lifetime", "25h"}, "error: --lifetime: 25h0m0s is not between 1s and 24h0m0s"},
		"image of no name":     {[]string{"image", "--image", "A:B:C"}, "error: the image of the probe (flag): "},
		"image for no machine": {[]string{"image", "--platform", "amd64"}, `error: --platform: "amd64" is no OS/ARCHITECTURE such as linux/amd64`},
		"image, all and one":   {[]string{"image", "--platform", "all", "--platform", "linux/amd64"}, "error: --platform all is all of them: leave the others out"},
		"image to nowhere":     {[]string{"image", "--to", "no registry"}, "error: --to: "},
		"version output":       {[]string{"version", "-o", "yaml"}, `error: no output format "yaml"; there are: text, json`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeBackend{}
			got := runWith(t, t.Context(), f, tt.args...)
			if got.code != 2 || got.stdout != "" || f.injected != 0 {
				t.Errorf("exit status %d, %d injected, stdout %q", got.code, f.injected, got.stdout)
			}
			lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
			if !strings.HasPrefix(lines[0], tt.says) {
				t.Errorf("says %q, want %q", lines[0], tt.says)
			}
			if len(lines) != 3 || !strings.HasPrefix(lines[1], "usage: kubectl netlook") || !strings.HasPrefix(lines[2], "See 'kubectl netlook") {
				t.Errorf("no way on:\n%s", got.stderr)
			}
		})
	}
}

func TestHelpBeginsWithExamples(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"pod", "--help"}, {"node", "--help"}, {"rbac", "--help"}, {"shell", "--help"}, {"image", "--help"}} {
		got := runWith(t, t.Context(), &fakeBackend{}, args...)
		first := "Examples:\n"
		if len(args) == 1 {
			first = "Say what is broken in a pod's or node's network, where, and how it knows.\n\nExamples:\n"
		}
		if got.code != 0 || !strings.HasPrefix(got.stdout, first) {
			t.Errorf("%v: exit status %d\n%s", args, got.code, got.stdout)
		}
		if n := strings.Count(got.stdout, "  kubectl netlook "); n < 3 {
			t.Errorf("%v: %d examples", args, n)
		}
		if strings.Contains(got.stdout, "kubectl-netlook") {
			t.Errorf("%v: names the binary instead of the command", args)
		}
	}
}

func TestChecksAndVersion(t *testing.T) {
	got := runWith(t, t.Context(), &fakeBackend{}, "checks", "-o", "json")
	var all listing
	if err := json.Unmarshal([]byte(got.stdout), &all); err != nil || len(all.Checks) == 0 {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	got = runWith(t, t.Context(), &fakeBackend{}, "checks")
	for _, c := range all.Checks {
		if !strings.Contains(got.stdout, c.ID) {
			t.Errorf("text leaves out %s", c.ID)
		}
	}
	got = runWith(t, t.Context(), &fakeBackend{}, "version", "-o", "json")
	var v versionInfo
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil || v.Version == "" || v.Image == "" {
		t.Errorf("%v: %s", err, got.stdout)
	}
}

func TestCleanup(t *testing.T) {
	f := &fakeBackend{removed: inject.Cleaned{Removed: []string{"shop/netlook-w1-abcde"}}}
	got := runWith(t, t.Context(), f, "cleanup")
	if diff := cmp.Diff(ran{stdout: "pod/shop/netlook-w1-abcde deleted\n", took: got.took}, got, cmp.AllowUnexported(ran{})); diff != "" {
		t.Error(diff)
	}
	got = runWith(t, t.Context(), &fakeBackend{}, "cleanup", "-A")
	if got.code != 0 || got.stderr != "no node probes found in any namespace\n" {
		t.Errorf("%+v", got)
	}
	got = runWith(t, t.Context(), &fakeBackend{noNamespace: "shop"}, "cleanup")
	if got.code != 2 || got.stderr != "error: namespace does not exist\n" {
		t.Errorf("a namespace that does not exist looks clean: %+v", got)
	}
	denied := &inject.Error{Kind: inject.ErrNotAllowed, Text: "list node probes: cannot"}
	got = runWith(t, t.Context(), &fakeBackend{cleanErr: denied}, "cleanup")
	if got.code != 2 || got.stderr != "error: list node probes: cannot; to unlock, ask an admin for: kubectl netlook rbac --for node -n shop --user jane | kubectl apply -f -\n" {
		t.Errorf("%+v", got)
	}
	got = runWith(t, t.Context(), &fakeBackend{cleanErr: denied}, "cleanup", "-A")
	if got.code != 2 || got.stderr != "error: list node probes: cannot; for one namespace: kubectl netlook cleanup -n NAMESPACE\n" {
		t.Errorf("%+v", got)
	}
}

func TestRBAC(t *testing.T) {
	got := runWith(t, t.Context(), &fakeBackend{}, "rbac", "--for", "pod", "-n", "shop", "--user", "jane")
	for _, want := range []string{"kind: Role\n", "kind: RoleBinding", "namespace: shop", "pods/ephemeralcontainers", "name: jane"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("does not hold %q:\n%s%s", want, got.stdout, got.stderr)
		}
	}
}

func TestCompletion(t *testing.T) {
	tests := map[string]struct {
		args []string
		want []string
	}{
		"pods":           {[]string{"pod", ""}, []string{"web-0", "web-1"}},
		"no second pod":  {[]string{"pod", "web-0", ""}, nil},
		"policy's pods":  {[]string{"policy", ""}, []string{"web-0", "web-1"}},
		"policy's kinds": {[]string{"policy", "web-0", ""}, []string{"svc/", "pod/", "node/", "deploy/", "sts/", "ds/"}},
		"policy's names": {[]string{"policy", "web-0", "svc/"}, []string{"svc/payments"}},
		"no third":       {[]string{"policy", "web-0", "svc/payments", ""}, nil},
		"kinds":          {[]string{"pod", "web-0", "--to", ""}, []string{"svc/", "pod/", "node/", "deploy/", "sts/", "ds/", "https://"}},
		"services":       {[]string{"pod", "web-0", "--to", "svc/"}, []string{"svc/payments"}},
		"services, long": {[]string{"pod", "web-0", "--to", "service/pay"}, []string{"service/payments"}},
		"formats":        {[]string{"pod", "-o", ""}, []string{"html", "json", "junit", "markdown", "plain", "table", "wide", "yaml"}},
		"profiles":       {[]string{"pod", "--profile", ""}, []string{"restricted", "netraw", "netadmin"}},
		"namespaces":     {[]string{"pod", "-n", ""}, []string{"shop"}},
		"silent errors":  {[]string{"node", ""}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, t.Context(), &fakeBackend{}, append([]string{"__complete"}, tt.args...)...)
			var words []string
			for line := range strings.Lines(got.stdout) {
				if !strings.HasPrefix(line, ":") {
					words = append(words, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(tt.want, words); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDocs: the generated part of docs/ is what the code says.
func TestDocs(t *testing.T) {
	dir := t.TempDir()
	if got := runWith(t, t.Context(), &fakeBackend{}, "docs", "--dir", dir); got.code != 0 {
		t.Fatal(got.stderr)
	}
	for _, name := range []string{"usage.md", "checks.md", "causes.md"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/%s is not up to date (make docs):\n%s", name, diff)
		}
	}
}

// TestUsageOfEveryCommand: each has examples, a table of flags where it has any, and what
// its exit status means.
func TestUsageOfEveryCommand(t *testing.T) {
	sections := strings.Split(usageDoc(newRoot(&seams{getenv: func(string) string { return "" }})), "\n## ")[1:]
	if len(sections) < 10 {
		t.Fatalf("%d commands", len(sections))
	}
	for _, section := range sections {
		name, _, _ := strings.Cut(section, "\n")
		for _, part := range []string{"```sh\n", "\nExit status: "} {
			if !strings.Contains(section, part) {
				t.Errorf("%s has no %q", name, strings.TrimSpace(part))
			}
		}
		if strings.Contains(section, "[flags]") && !strings.Contains(section, "| flag |") {
			t.Errorf("%s has no table of its flags", name)
		}
	}
}

func TestProgressLine(t *testing.T) {
	now := time.Unix(1000, 0)
	p := &progress{width: 80, now: func() time.Time { return now }, since: now}
	p.say("probe started on w1 in 600 ms")
	task := func(id, target string) check.Task {
		return check.Task{ID: id, Label: check.Label{Title: "tcp", Target: target}}
	}
	p.expect("", []check.Task{task("a", "10.244.2.7:8080"), task("b", "10.244.2.8:8080\x1b[2J")})
	now = now.Add(1400 * time.Millisecond)
	if got, want := p.line(), " ⠋ probe started on w1 in 600 ms · 0/2 checks · waiting 1.4 s: tcp 10.244.2.7"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q", got)
	}
	p.got("", "a")
	p.width = 200
	if got, want := p.line(), ` ⠋ probe started on w1 in 600 ms · 1/2 checks · waiting 1.4 s: tcp 10.244.2.8:8080\x1b[2J`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.got("", "b")
	if got := p.line(); strings.Contains(got, "waiting") {
		t.Errorf("got %q", got)
	}
	// The same task at two nodes counts twice, and a new stage forgets what was waited for.
	p.say("asking the kernels of w1, w2")
	if got := p.line(); strings.Contains(got, "checks") {
		t.Errorf("the stage before is still counted: %q", got)
	}
	p.expect("w1", []check.Task{task("a", "x")})
	p.expect("w2", []check.Task{task("a", "x")})
	p.got("w1", "a")
	p.hear("attached anew")
	if got, want := p.line(), ` ⠋ attached anew · 1/2 checks · waiting - : tcp x from w2`; strings.ReplaceAll(got, "- :", "-:") != strings.ReplaceAll(want, "- :", "-:") {
		t.Errorf("got %q, want %q", got, want)
	}
	for width := range 60 {
		p.width = width
		if got := []rune(p.line()); len(got) >= max(width, 1) {
			t.Errorf("width %d: %q", width, string(got))
		}
	}
	var none *progress
	none.say("x")
	none.expect("", nil)
	none.got("", "a")
	none.stop()
}

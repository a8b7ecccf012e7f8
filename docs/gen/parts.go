package main

import (
	"cmp"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/diagnose/causes"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/wire"
	"github.com/netlook/kubectl-netlook/test/faults"
)

// parts are the generated parts by name. A new one is a line here and a function.
var parts = map[string]part{
	"causes":    causeTable,
	"container": container,
	"file":      file,
	"limits":    limits,
	"node-pod":  nodePod,
	"packages":  packages,
	"plugins":   plugins,
	"rbac":      roles,
	"shell":     shell,
	"toolbox":   toolbox,
	"versions":  versions,
}

// file is another file of the checkout, as it is.
func file(root, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return "", err
	}
	return fence(strings.TrimPrefix(filepath.Ext(name), "."), string(text)), nil
}

func fence(language, text string) string {
	return "```" + language + "\n" + strings.TrimRight(text, "\n") + "\n```"
}

// areas are the words behind NL- in codes, in the order of a packet's way.
var areas = []struct{ code, name string }{
	{"POD", "the pod itself"},
	{"DNS", "names"},
	{"SVC", "services"},
	{"INGRESS", "Ingresses"},
	{"GATEWAY", "Gateway API"},
	{"POLICY", "policies"},
	{"PATH", "the way between"},
	{"OVERLAY", "tunnels"},
	{"NODE", "nodes"},
	{"API", "API server"},
	{"APP", "applications"},
	{"TLS", "certificates"},
	{"TOOL", "netlook itself"},
}

// causeTable lists the causes by area, each in its own words.
func causeTable(_, _ string) (string, error) {
	by := map[string][]diagnose.Cause{}
	for _, c := range causes.Registry.List() {
		area, _, _ := strings.Cut(strings.TrimPrefix(c.Code, "NL-"), "-")
		by[area] = append(by[area], c)
	}
	var b strings.Builder
	b.WriteString("| where | what it finds |\n|---|---|\n")
	for _, area := range areas {
		list := by[area.code]
		delete(by, area.code)
		if len(list) == 0 {
			continue
		}
		var said []string
		for _, c := range list {
			short := strings.TrimPrefix(c.Code, "NL-"+area.code+"-")
			said = append(said, fmt.Sprintf("[%s](docs/causes.md#%s) %s", short, strings.ToLower(c.Code), cell(c.Summary)))
		}
		fmt.Fprintf(&b, "| **%s** `NL-%s-…` | %s |\n", area.name, area.code, strings.Join(said, "<br>"))
	}
	if len(by) > 0 {
		return "", fmt.Errorf("docs/gen does not name the area of %d causes: add it to areas", len(by))
	}
	return b.String(), nil
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// plugins is what is known of network plugins.
func plugins(root, _ string) (string, error) {
	played, err := playedOn(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| plugin | recognised by | enforces NetworkPolicies | tables that say nothing of pods' packets | faults played on it |\n|---|---|---|---|---|\n")
	for _, p := range facts.Plugins {
		var known []string
		add := func(what string, names ...string) {
			if len(names) > 0 && names[0] != "" {
				known = append(known, what+" `"+strings.Join(names, "`, `")+"`")
			}
		}
		add("node condition", p.Reason)
		add("node annotation", p.Annotations...)
		add("API", p.Groups...)
		add("interface", p.Devices...)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.Name, strings.Join(known, "; "), yesNo(p.Enforces),
			cmp.Or(p.Aside, "none: the kernel's tables are its own"), cmp.Or(played[p.Name], "none: recognised only, not run"))
	}
	return b.String(), nil
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// playedOn counts the faults of the corpus by the plugin that they are played on.
func playedOn(root string) (map[string]string, error) {
	list, err := faults.Load(filepath.Join(root, "test", "faults"))
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, f := range list {
		if strings.Contains(f.Cluster, "--cni cilium") {
			count["Cilium"]++
		} else {
			count["flannel"]++
		}
	}
	played := map[string]string{}
	for plugin, n := range count {
		played[plugin] = fmt.Sprint(n)
	}
	return played, nil
}

// packages lists the folders of the code with the first sentence of their documentation.
func packages(root, _ string) (string, error) {
	var folders []string
	for _, pattern := range []string{"cmd/*", "pkg/*", "pkg/*/*", "images/*", "test/*", "docs/*"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return "", err
		}
		folders = append(folders, found...)
	}
	slices.Sort(folders)
	var b strings.Builder
	b.WriteString("| folder | what it is |\n|---|---|\n")
	for _, folder := range folders {
		text, err := synopsis(folder)
		if err != nil {
			return "", err
		}
		name, err := filepath.Rel(root, folder)
		if text == "" || err != nil {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", filepath.ToSlash(name), cell(text))
	}
	return b.String(), nil
}

// synopsis is the first sentence of a folder's package documentation, without its
// opening words; "" for a folder without Go files.
func synopsis(folder string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		return "", err
	}
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", err
		}
		text := new(doc.Package).Synopsis(parsed.Doc.Text())
		if text == "" {
			continue
		}
		for _, head := range []string{"Package ", "Command "} {
			if rest, ok := strings.CutPrefix(text, head); ok {
				_, text, _ = strings.Cut(rest, " ")
			}
		}
		return text, nil
	}
	return "", fmt.Errorf("%s has no package documentation", folder)
}

// limits are the bounds of what a run leaves, waits for and believes.
func limits(_, _ string) (string, error) {
	var b strings.Builder
	b.WriteString("| bound | value | what for |\n|---|---|---|\n")
	row := func(name string, value any, what string) { fmt.Fprintf(&b, "| %s | %v | %s |\n", name, value, what) }
	span := func(d time.Duration) string { return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m") }
	row("life of a probe", span(inject.DefaultLifetime), "it ends by itself then, whatever happens; a longer `--deadline` or `--keep-alive` lengthens it")
	row("keep-alive of a probe in a pod", span(inject.DefaultKeepAlive), "how long it waits for a repeat (`--keep-alive`, 0 for not at all)")
	row("a line from a probe", bytes(wire.MaxLine), "longer ones are passed over")
	row("other output of a probe", bytes(wire.MaxNoise), "after that much of what is no frame nobody listens any more")
	row("results of a probe", wire.MaxResults, "and tasks of a plan")
	row("results of a probe in memory", bytes(wire.MaxHeld), "later ones are cut down to what fits")
	row("a text in a result", bytes(wire.MaxText), "what is longer is cut, and marked")
	return b.String(), nil
}

func bytes(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// required finds the version of a module in a go.mod.
func required(root, mod, module string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(mod)))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^(?:require )?\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindStringSubmatch(string(text))
	if m == nil {
		return "", fmt.Errorf("%s does not require %s", mod, module)
	}
	return m[1], nil
}

// versions are what the tests run with, and what the plugin speaks.
func versions(root, _ string) (string, error) {
	var b strings.Builder
	b.WriteString("| what | version | where it is said |\n|---|---|---|\n")
	for _, v := range []struct{ what, mod, module string }{
		{"client-go, in the plugin", "go.mod", "k8s.io/client-go"},
		{"Kubernetes, in the test cluster", "test/cluster/components/kubernetes/go.mod", "k8s.io/kubernetes"},
		{"CoreDNS, in the test cluster", "test/cluster/components/coredns/go.mod", "github.com/coredns/coredns"},
		{"flannel, in the test cluster", "test/cluster/components/flannel/go.mod", "github.com/flannel-io/flannel"},
		{"Cilium, in the test cluster", "test/cluster/components/cilium/go.mod", "github.com/cilium/cilium"},
	} {
		version, err := required(root, v.mod, v.module)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", v.what, version, v.mod)
	}
	return b.String(), nil
}

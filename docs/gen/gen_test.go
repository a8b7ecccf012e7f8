package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

var root = filepath.Join("..", "..")

// TestDocuments: the generated parts of the documents are what the code says.
func TestDocuments(t *testing.T) {
	files, err := documents(root)
	if err != nil {
		t.Fatal(err)
	}
	filled := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := fill(root, string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		filled += strings.Count(want, "<!-- begin: ")
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s is not up to date (make docs):\n%s", file, diff)
		}
	}
	if filled < len(parts) {
		t.Errorf("%d generated parts in all documents, of %d kinds", filled, len(parts))
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestYAML: whatever YAML docs/security.md shows, the API's own types take, with no field
// that they do not have: it can be applied as it is.
func TestYAML(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		for object := range strings.SplitSeq(block[1], "\n---\n") {
			kind, err := decode(object)
			if err != nil {
				t.Errorf("%v:\n%s", err, object)
			}
			kinds[kind]++
		}
	}
	for kind, least := range map[string]int{"Role": 3, "RoleBinding": 3, "ClusterRole": 3, "ClusterRoleBinding": 3, "Pod": 1, "": 1} {
		if kinds[kind] < least {
			t.Errorf("%d objects of kind %q, want %d at least", kinds[kind], kind, least)
		}
	}
}

// decode decodes an object strictly and returns its kind, "" for a part of a pod's spec
// or for a comment alone.
func decode(text string) (string, error) {
	var head struct{ Kind string }
	if err := yaml.Unmarshal([]byte(text), &head); err != nil {
		return "", err
	}
	into, known := map[string]any{
		"Role": &rbacv1.Role{}, "ClusterRole": &rbacv1.ClusterRole{}, "RoleBinding": &rbacv1.RoleBinding{},
		"ClusterRoleBinding": &rbacv1.ClusterRoleBinding{}, "Pod": &corev1.Pod{}, "Namespace": &corev1.Namespace{}, "": &corev1.PodSpec{},
	}[head.Kind]
	if !known {
		return "", fmt.Errorf("kind %q is not looked for", head.Kind)
	}
	return head.Kind, yaml.UnmarshalStrict([]byte(text), into)
}

func TestDecodeRejects(t *testing.T) {
	for _, text := range []string{"kind: Role\nruels: []", "ephemeralContainers: [{image: x, prots: []}]", "kind: Pod\nspec: {hostNetwrok: true}", "a: [", "kind: Nothing"} {
		if _, err := decode(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestFill(t *testing.T) {
	defer func(before map[string]part) { parts = before }(parts)
	parts = map[string]part{"echo": func(_, argument string) (string, error) { return argument, nil }}
	for _, tt := range []struct{ name, text, want, err string }{
		{"nothing generated", "a\nb\n", "a\nb\n", ""},
		{"filled", "a\n<!-- begin: echo x -->\nold\n<!-- end -->\nb\n", "a\n<!-- begin: echo x -->\nx\n<!-- end -->\nb\n", ""},
		{"unknown", "<!-- begin: ohce -->\n<!-- end -->\n", "", "ohce"},
		{"never ends", "<!-- begin: echo -->\n", "", "has no"},
		{"never begins", "<!-- end -->\n", "", "without"},
		{"begins within", "<!-- begin: echo -->\n<!-- begin: echo -->\n<!-- end -->\n", "", "within"},
	} {
		got, err := fill(root, tt.text)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.err)
			}
		case err != nil || got != tt.want:
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

// TestPlayedPluginsAreKnown: of the plugins two are played on, by their names; a row that
// no longer finds its number would say that it was never run.
func TestPlayedPluginsAreKnown(t *testing.T) {
	table, err := plugins(root, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(table, "none: recognised only"); got != strings.Count(table, "\n")-1-1-2 {
		t.Errorf("%d plugins are said to be recognised only:\n%s", got, table)
	}
}

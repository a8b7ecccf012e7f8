package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus: every fault decodes, and its scripts are bash.
func TestCorpus(t *testing.T) {
	list, err := Load(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 32 {
		t.Errorf("%d faults, want at least 32", len(list))
	}
	seen := map[string]string{}
	for _, f := range list {
		_, variant, _ := strings.Cut(f.Name, "@")
		if before, ok := seen[number(f)+variant]; ok {
			t.Errorf("%s has the number of %s", f.Name, before)
		}
		seen[number(f)+variant] = f.Name
		for _, script := range []string{f.Inject, f.Observe, f.Heal, f.Healthy, "kubectl netlook " + f.Run} {
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s\n%s", f.Name, err, out, script)
			}
		}
	}
	if last := list[len(list)-1]; last.Cluster == "" {
		t.Errorf("the last fault is %s: those of another cluster come last, so that the others find the usual one", last.Name)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && folderName.MatchString(entry.Name()) {
			if _, err := os.Stat(filepath.Join(entry.Name(), File)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestHelpersAreBash(t *testing.T) {
	for _, file := range []string{"lib.sh", "probe.sh"} {
		if out, err := exec.Command("bash", "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
}

func TestDecodeRejects(t *testing.T) {
	const good = `{title: t, imitates: i, source: s, inject: "true", observe: "true", heal: "true", run: pod x, shallow: {candidates: [NL-A-B]}, deep: {causes: [NL-A-B]}}`
	if _, err := Decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new, want string }{
		{"unknown field", "title:", "tittle:", "tittle"},
		{"no source", "source: s,", "", "source"},
		{"nothing observes", `observe: "true",`, "", "observe"},
		{"nothing heals", `heal: "true",`, "", "heal"},
		{"no run", "run: pod x,", "", "run"},
		{"no cause", "deep: {causes: [NL-A-B]}", "deep: {}", "deep.causes"},
		{"nothing for the shallow rung", "shallow: {candidates: [NL-A-B]},", "", "shallow"},
		{"no code", "{causes: [NL-A-B]}", "{causes: [endpoint]}", "endpoint"},
		{"deep cannot be in doubt", "{causes: [NL-A-B]}", "{causes: [NL-A-B], candidates: [NL-A-C]}", "told apart"},
		{"healthy but expected", `inject: "true", observe: "true", heal: "true",`, "", "healthy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode([]byte(strings.Replace(good, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

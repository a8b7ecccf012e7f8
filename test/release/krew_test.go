//go:build release

package release

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ran runs a program to its end and returns what it printed. A status other than 0
// fails the test.
func ran(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// install has krew itself install an archive by the manifest, as if on a machine of
// that platform, and returns krew's folder. Nothing is loaded: the archive is given.
func install(t *testing.T, p platform) string {
	t.Helper()
	root := t.TempDir()
	env := []string{
		"KREW_ROOT=" + root, "KREW_OS=" + p.Selector.MatchLabels.OS, "KREW_ARCH=" + p.Selector.MatchLabels.Arch, "KREW_NO_UPGRADE_CHECK=1",
	}
	ran(t, env, "krew", "install", "--manifest", filepath.Join(dist, "plugin.yaml"), "--archive", filepath.Join(dist, p.archive()))
	return root
}

// TestKrew: krew takes the manifest, finds the archive's checksum right, and installs
// each platform's.
func TestKrew(t *testing.T) {
	m := rendered(t)
	for _, p := range m.Spec.Platforms {
		t.Run(p.String(), func(t *testing.T) {
			root := install(t, p)
			for _, name := range []string{p.Bin, "LICENSE"} {
				if _, err := os.Stat(filepath.Join(root, "store", "netlook", m.Spec.Version, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestKrewRefuses: krew would not take another archive, or the test above says nothing.
func TestKrewRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other.tar.gz")
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "krew", "install", "--manifest", filepath.Join(dist, "plugin.yaml"), "--archive", file)
	cmd.Env = append(os.Environ(), "KREW_ROOT="+t.TempDir(), "KREW_NO_UPGRADE_CHECK=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !bytes.Contains(out, []byte("checksum")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestInstalled runs what krew has installed on this machine through kubectl.
func TestInstalled(t *testing.T) {
	m := rendered(t)
	at := slices.IndexFunc(m.Spec.Platforms, func(p platform) bool { return p.String() == runtime.GOOS+"/"+runtime.GOARCH })
	if at < 0 {
		t.Fatalf("no archive for this machine, %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	bin := filepath.Join(install(t, m.Spec.Platforms[at]), "bin")
	plugin := filepath.Join(bin, "kubectl-netlook")
	if err := os.Symlink(plugin, filepath.Join(bin, "kubectl_complete-netlook")); err != nil {
		t.Fatal(err)
	}
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Fatal(err)
	}
	// Only this folder: no other kubectl-netlook may answer.
	env := []string{"PATH=" + bin, "KUBECONFIG=" + filepath.Join(bin, "none")}

	out := ran(t, env, kubectl, "netlook", "version")
	if want := "netlook " + m.Spec.Version + " "; !strings.HasPrefix(out, want) {
		t.Errorf("version prints %q, want %q first", out, want)
	}
	if want := "probe image docker.io/netlook/probe:" + m.Spec.Version + "\n"; !strings.HasSuffix(out, want) {
		t.Errorf("version prints %q, want %q last", out, want)
	}
	// plugin list ends with an error where a plugin would not be found or run.
	listed := strings.Fields(ran(t, env, kubectl, "plugin", "list"))
	if !slices.Contains(listed, plugin) {
		t.Errorf("plugin list prints %q, want %s", listed, plugin)
	}
	// What needs no cluster is completed without one.
	for typed, want := range map[string][]string{"dns.cl": {"dns.cluster"}, "NL-SVC-ENDPOINT-D": {"NL-SVC-ENDPOINT-DOWN"}} {
		got := strings.Fields(ran(t, env, kubectl, "__completeNoDesc", "netlook", "explain", typed))
		if diff := cmp.Diff(append(want, ":4"), got); diff != "" {
			t.Errorf("completion of %q (-want +got):\n%s", typed, diff)
		}
	}
}

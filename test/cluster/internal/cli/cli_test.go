//go:build linux

package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cli"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
)

// TestErrors runs command lines that must fail before they touch the machine.
func TestErrors(t *testing.T) {
	t.Setenv(state.Env, t.TempDir()) // no cluster there
	for _, test := range []struct {
		line string
		code int
		want string
	}{
		{"up --cni calico", 2, "want one of flannel, cilium"},
		{"up --cni cilium --ip-family dual", 2, "--cni cilium goes with"},
		{"build --cni calico", 2, "want one of flannel, cilium"},
		{"up --backend udp", 2, "want one of vxlan, host-gw"},
		{"up --nodes a,a", 2, "named twice"},
		{"up --nonsense", 2, "see testcluster up --help"},
		{"up extra", 2, "usage: testcluster up"},
		{"nonsense", 2, "see testcluster --help"},
		{"exec", 2, "usage: testcluster exec NODE -- CMD"},
		{"drop lo", 2, "usage: testcluster drop DEVICE PLACE"},
		{"drop lo egress-tcx agent 80", 2, "use one of xdp,"},
		{"drop lo xdp agent 70000", 2, "is no port"},
		{"load", 2, "usage: testcluster load"},
		{"user a/b", 2, "may hold letters"},
		{"user jane", 1, "no cluster is up"},
		{"status", 1, "no cluster is up"},
	} {
		t.Run(test.line, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := cli.Run(t.Context(), strings.Fields(test.line), &stdout, &stderr)
			got := stderr.String()
			if code != test.code || !strings.Contains(got, test.want) {
				t.Errorf("status %d, stderr %q; want %d and %q", code, got, test.code, test.want)
			}
			if !strings.HasPrefix(got, "error: ") || strings.Count(got, "\n") != 1 {
				t.Errorf("stderr %q: want one line that begins with error:", got)
			}
			if stdout.Len() != 0 {
				t.Errorf("stdout %q: want nothing", stdout.String())
			}
		})
	}
}

func TestHelpHasExamples(t *testing.T) {
	for _, command := range []string{"", "up", "down", "exec", "exec-pod", "drop", "load", "kubeconfig", "status", "user", "bin", "build"} {
		var stdout, stderr bytes.Buffer
		if code := cli.Run(t.Context(), append(strings.Fields(command), "--help"), &stdout, &stderr); code != 0 {
			t.Errorf("%s --help: status %d, %s", command, code, stderr.String())
		}
		if !strings.Contains(stdout.String(), "Examples:") {
			t.Errorf("%s --help has no examples", command)
		}
	}
}

//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// TestVersionSkew runs with a probe of another build: the report says so, and is
// otherwise that of a healthy pod. The image is the one for all architectures that
// releases have, so that it is also shown to load and to run.
func TestVersionSkew(t *testing.T) {
	needBed(t)
	const image, build = "docker.io/netlook/probe:other-build", "v9.9.9-other"
	if r := program(t, nil, "make", "-C", cluster.root, "images", "IMAGE="+image, "VERSION="+build); r.code != 0 {
		t.Fatalf("make images: status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	testcluster(t, "load", filepath.Join(cluster.root, "bin", "netlook-probe-image.tar"))
	node := kubectl(t, "-n", namespace, "get", "pod", "spare", "-o", "jsonpath={.spec.nodeName}")
	for name, args := range map[string][]string{
		"pod":  {"pod", "spare", "-n", namespace},
		"node": {"node", node},
	} {
		t.Run(name, func(t *testing.T) {
			args = append(args, "--image", image, "--external", "none")
			rep, r := diagnose(t, args...)
			if r.code != 0 || rep.Summary.Counts.Pass == 0 {
				t.Fatalf("status %d\n%s\n%s", r.code, bad(rep), r.stderr)
			}
			if rep.Probe == nil || rep.Probe.Build != build || !rep.Probe.BuildSkew {
				t.Errorf("probe %+v, want build %s and a skew", rep.Probe, build)
			}
			told := false
			for _, n := range rep.Notices {
				told = told || n.Kind == report.Note && strings.Contains(n.Message, build) && strings.Contains(n.Message, rep.Metadata.Tool.Build)
			}
			if !told {
				t.Errorf("notices %+v name neither build", rep.Notices)
			}
			// People read it too, not only programs.
			if table := netlook(t, args...); table.code != 0 || !strings.Contains(table.stdout, build) {
				t.Errorf("status %d, and the table does not name build %s:\n%s", table.code, build, table.stdout)
			}
		})
	}
}

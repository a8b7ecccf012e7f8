//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func loadImage(file string) error {
	if out, err := exec.Command("testcluster", "load", file).CombinedOutput(); err != nil {
		return fmt.Errorf("testcluster load %s: %w\n%s", file, err, out)
	}
	return nil
}

// TestImageSave: what --save has pulled from a registry can be carried to nodes that
// reach none, and runs there.
func TestImageSave(t *testing.T) {
	needBed(t)
	img, err := tarball.ImageFromPath(filepath.Join(cluster.root, "bin", "probe.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/netlook/probe:saved"
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "images.tar")
	r := netlook(t, "image", "--image", ref, "--toolbox-image", ref, "--save", file, "--platform", "all")
	if r.code != 0 || !strings.Contains(r.stdout, "ctr -n k8s.io images import "+file) {
		t.Fatalf("status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	server.Close() // as in a cluster that does not reach it
	if err := loadImage(file); err != nil {
		t.Fatal(err)
	}
	rep, r := diagnose(t, "pod", "client", "-n", namespace, "--image", ref, "--image-pull-policy", "Never", "--keep-alive", "0")
	if r.code != 0 || rep.Probe == nil || rep.Probe.Image != ref {
		t.Errorf("status %d, probe %+v\n%s", r.code, rep.Probe, r.stderr)
	}
}

package cli

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestImage(t *testing.T) {
	environment := func(s *seams) {
		s.getenv = func(name string) string {
			return map[string]string{"NETLOOK_TOOLBOX_IMAGE": "ghcr.io/netlook/toolbox@" + digest}[name]
		}
	}
	t.Run("json", func(t *testing.T) {
		got := runOn(t, t.Context(), &fakeBackend{}, environment, "image", "-o", "json", "--to", "registry.example:5000/tools", "--image", "docker.io/netlook/probe:v1")
		var printed struct{ Images []usedImage }
		if err := json.Unmarshal([]byte(got.stdout), &printed); err != nil || got.code != 0 {
			t.Fatalf("status %d: %v\n%s%s", got.code, err, got.stdout, got.stderr)
		}
		want := []usedImage{
			{
				Name: "probe", Image: "docker.io/netlook/probe:v1", Variable: "NETLOOK_IMAGE", From: "flag",
				CopyTo: "registry.example:5000/tools/netlook/probe:v1", Use: "registry.example:5000/tools/netlook/probe:v1",
			},
			{
				Name: "toolbox", Image: "ghcr.io/netlook/toolbox@" + digest, Variable: "NETLOOK_TOOLBOX_IMAGE", From: "$NETLOOK_TOOLBOX_IMAGE",
				CopyTo: "registry.example:5000/tools/netlook/toolbox:sha256-0123456789ab", Use: "registry.example:5000/tools/netlook/toolbox@" + digest,
			},
		}
		if diff := cmp.Diff(want, printed.Images); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("text", func(t *testing.T) {
		got := runOn(t, t.Context(), &fakeBackend{}, environment, "image", "--image", "netlook/probe:v1")
		for _, line := range []string{
			"probe    netlook/probe:v1   (flag)\n",
			"toolbox  ghcr.io/netlook/toolbox@" + digest + "   ($NETLOOK_TOOLBOX_IMAGE)\n",
			"  skopeo copy --all docker://docker.io/netlook/probe:v1 docker://REGISTRY/netlook/probe:v1\n",
			"  crane copy ghcr.io/netlook/toolbox@" + digest + " REGISTRY/netlook/toolbox:sha256-0123456789ab\n",
			"  export NETLOOK_IMAGE=REGISTRY/netlook/probe:v1\n  export NETLOOK_TOOLBOX_IMAGE=REGISTRY/netlook/toolbox@" + digest + "\n",
		} {
			if !strings.Contains(got.stdout, line) {
				t.Errorf("lacks %q:\n%s", line, got.stdout)
			}
		}
	})
}

func TestImageSave(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/netlook/probe:v1"
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img); err != nil {
		t.Fatal(err)
	}
	hash, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "netlook images.tar")
	got := runWith(t, t.Context(), &fakeBackend{}, "image", "--image", ref, "--toolbox-image", ref, "--save", file, "--platform", "all")
	for _, line := range []string{hash.String(), "saved in " + file, "ctr -n k8s.io images import '" + file + "'\n", "skopeo copy --all oci-archive:'" + file + "':" + ref + " docker://REGISTRY/netlook/probe:v1\n"} {
		if got.code != 0 || !strings.Contains(got.stdout, line) {
			t.Errorf("status %d, lacks %q:\n%s%s", got.code, line, got.stdout, got.stderr)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	server.Close()
	got = runWith(t, t.Context(), &fakeBackend{}, "image", "--image", ref, "--save", file)
	if got.code != 2 || !strings.Contains(got.stderr, "error: pull "+ref+": the registry cannot be reached from here") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("status %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

package main

import (
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
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestPush sends the image of two architectures to a registry that runs here, reads it
// back, and compares it with the archive of the same binaries.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	dir := t.TempDir()
	var args []string
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(dir, arch)
		if err := os.WriteFile(file, []byte("the probe for "+arch), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, arch+"="+file)
	}
	o := options{ref: strings.TrimPrefix(server.URL, "http://") + "/netlook/probe:v1.0.0", version: "v1.0.0", out: filepath.Join(dir, "probe.tar"), push: true}
	said, err := o.run(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(o.ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	o.push = false
	written, err := o.run(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{said, written} {
		if !strings.Contains(line, digest.String()) {
			t.Errorf("%q does not name %s, which the registry has", line, digest)
		}
	}
}

func TestPushRefuses(t *testing.T) {
	for name, args := range map[string][]string{"no architecture": nil, "no binary": {"amd64"}, "no such file": {"amd64=" + filepath.Join(t.TempDir(), "none")}} {
		t.Run(name, func(t *testing.T) {
			if _, err := (options{ref: "localhost:1/netlook/probe:v1", push: true}).run(t.Context(), args); err == nil {
				t.Error("no error")
			}
		})
	}
}

package mirror

import (
	"archive/tar"
	"context"
	"errors"
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
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// server is a registry of this process, with the image tools/probe:v1 for two
// platforms and one that nobody can run, and tools/single:v1 for one.
func server(t *testing.T) (host string, index v1.Hash) {
	t.Helper()
	http := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(http.Close)
	host = strings.TrimPrefix(http.URL, "http://")
	var list v1.ImageIndex = empty.Index
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}, {OS: "unknown", Architecture: "unknown"}} {
		list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: image(t, p), Descriptor: v1.Descriptor{Platform: &p}})
	}
	tag, err := name.NewTag(host + "/tools/probe:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, list); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag.Repository.Registry.Repo("tools", "single").Tag("v1"), image(t, v1.Platform{OS: "linux", Architecture: "amd64"})); err != nil {
		t.Fatal(err)
	}
	index, err = list.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return host, index
}

func image(t *testing.T, p v1.Platform) v1.Image {
	t.Helper()
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.OS, p.Architecture
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// unpack reads a saved file as the layout that it is.
func unpack(t *testing.T, file string) v1.ImageIndex {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	folder := t.TempDir()
	for reader := tar.NewReader(opened); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestSave(t *testing.T) {
	host, whole := server(t)
	file := filepath.Join(t.TempDir(), "images.tar")
	var bytes int64
	saved, err := Save(t.Context(), Options{
		Images:    []string{host + "/tools/probe:v1", host + "/tools/single:v1"},
		Platforms: []string{"linux/amd64"}, File: file,
		Progress: func(_ string, n int64) { bytes = n },
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes < 2000 {
		t.Errorf("%d bytes were told", bytes)
	}
	index := unpack(t, file)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 2 {
		t.Fatalf("%d images in the file", len(manifest.Manifests))
	}
	for i, d := range manifest.Manifests {
		if d.Digest.String() != saved[i].Digest || d.Annotations["io.containerd.image.name"] != saved[i].Image || d.Annotations["org.opencontainers.image.ref.name"] != saved[i].Image {
			t.Errorf("%+v is not %+v", d, saved[i])
		}
	}
	child, err := index.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	list, err := child.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Manifests) != 1 || list.Manifests[0].Platform.Architecture != "amd64" {
		t.Errorf("platforms %+v", list.Manifests)
	}
	img, err := child.Image(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if content, err := layer.Uncompressed(); err != nil {
			t.Errorf("a layer is missing: %v", err)
		} else {
			content.Close()
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}

	t.Run("as it is, by digest", func(t *testing.T) {
		pinned := host + "/tools/probe@" + whole.String()
		saved, err := Save(t.Context(), Options{Images: []string{pinned}, Platforms: []string{AllPlatforms}, File: file})
		if err != nil {
			t.Fatal(err)
		}
		want := []Saved{{Image: pinned, Digest: whole.String(), Platforms: []string{"linux/amd64", "linux/arm64", "unknown/unknown"}}}
		if diff := cmp.Diff(want, saved); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSaveErrors(t *testing.T) {
	host, whole := server(t)
	dead := httptest.NewServer(nil)
	gone := strings.TrimPrefix(dead.URL, "http://")
	dead.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name      string
		ctx       context.Context
		image     string
		platforms []string
		says      string
	}{
		{"no such platform", t.Context(), host + "/tools/probe:v1", []string{"linux/s390x"}, "there is none for linux/s390x, only for linux/amd64, linux/arm64"},
		{"one platform, another", t.Context(), host + "/tools/single:v1", []string{"linux/arm64"}, "there is none for linux/arm64, only for linux/amd64"},
		{"a digest that would change", t.Context(), host + "/tools/probe@" + whole.String(), []string{"linux/amd64"}, "use --platform all"},
		{"no such image", t.Context(), host + "/tools/none:v1", []string{AllPlatforms}, "NAME_UNKNOWN"},
		{"no registry", t.Context(), gone + "/tools/probe:v1", []string{AllPlatforms}, "the registry cannot be reached from here"},
		{"no name", t.Context(), "A B", []string{AllPlatforms}, "could not parse reference"},
		{"interrupted", ended, host + "/tools/probe:v1", []string{AllPlatforms}, "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "images.tar")
			_, err := Save(tt.ctx, Options{Images: []string{tt.image}, Platforms: tt.platforms, File: file})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "pull "+tt.image+": ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, tt.says)
			}
			if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

func TestTargetOf(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123", 16)
	tests := []struct {
		image, to string
		want      Target
	}{
		{"docker.io/netlook/probe:v1", "registry.example:5000", Target{"registry.example:5000/netlook/probe:v1", "registry.example:5000/netlook/probe:v1"}},
		{"ghcr.io/netlook/probe", "registry.example/tools/", Target{"registry.example/tools/netlook/probe:latest", "registry.example/tools/netlook/probe:latest"}},
		{"ghcr.io/netlook/probe@" + digest, "registry.example", Target{"registry.example/netlook/probe:sha256-012301230123", "registry.example/netlook/probe@" + digest}},
	}
	for _, tt := range tests {
		got, err := TargetOf(tt.image, tt.to)
		if err != nil || got != tt.want {
			t.Errorf("%s to %s: %+v, %v", tt.image, tt.to, got, err)
		}
	}
	if _, err := TargetOf("probe:v1", "not a registry"); err == nil {
		t.Error("a registry with blanks was taken")
	}
}

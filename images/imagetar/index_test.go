package imagetar_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

// twoArchitectures are images that differ in a file's content.
func twoArchitectures(t *testing.T) []imagetar.Image {
	t.Helper()
	var images []imagetar.Image
	for _, arch := range []string{"amd64", "arm64"} {
		image := sample(t)
		file := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(file, []byte(arch), 0o600); err != nil {
			t.Fatal(err)
		}
		image.Architecture = arch
		image.Files["/usr/bin/program"] = imagetar.File{Source: file}
		images = append(images, image)
	}
	return images
}

// checkIndex asserts that an index has both images, whole.
func checkIndex(t *testing.T, index v1.ImageIndex) {
	t.Helper()
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Architecture != m.Platform.Architecture {
			t.Errorf("the image for %s says that it is for %s", m.Platform, config.Architecture)
		}
		platforms = append(platforms, m.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

func TestWriteIndex(t *testing.T) {
	images := twoArchitectures(t)
	var archives [2][]byte
	var digest string
	for i := range archives {
		file := filepath.Join(t.TempDir(), "index.tar")
		var err error
		if digest, err = imagetar.WriteIndex(file, images[0].Ref, images); err != nil {
			t.Fatal(err)
		}
		if archives[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of the same image wrote different archives")
	}
	index, err := layout.ImageIndexFromPath(unpack(t, archives[0]))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 {
		t.Fatalf("%d manifests, want the one index", len(manifest.Manifests))
	}
	only := manifest.Manifests[0]
	if got := only.Annotations["org.opencontainers.image.ref.name"]; got != images[0].Ref {
		t.Errorf("the archive names its image %q, want %s", got, images[0].Ref)
	}
	if only.Digest.String() != digest {
		t.Errorf("the archive holds %s, and %s was said", only.Digest, digest)
	}
	inner, err := index.ImageIndex(only.Digest)
	if err != nil {
		t.Fatal(err)
	}
	checkIndex(t, inner)
}

func TestIndexRefuses(t *testing.T) {
	images := twoArchitectures(t)
	twice := []imagetar.Image{images[0], images[0]}
	tests := map[string]struct {
		ref    string
		images []imagetar.Image
	}{
		"no image":              {images[0].Ref, nil},
		"an architecture twice": {images[0].Ref, twice},
		"no architecture":       {images[0].Ref, []imagetar.Image{sample(t)}},
		"no tag":                {"docker.io/netlook/sample", images},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "index.tar")
			if _, err := imagetar.WriteIndex(file, test.ref, test.images); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Error("a file was left")
			}
		})
	}
}

func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	folder := t.TempDir()
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return folder
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

//go:build release

package release

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
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// arches are those of nodes.
var arches = []string{"amd64", "arm64"}

// probeImage is what an image of the index holds.
type probeImage struct {
	config v1.Config
	binary []byte
}

// probeImages are the images in the probe's archive by architecture.
func probeImages(t *testing.T) map[string]probeImage {
	t.Helper()
	images := map[string]probeImage{}
	for arch, image := range imagesOf(t, "probe") {
		images[arch] = probeImage{configOf(t, image), theFile(t, image)}
	}
	return images
}

func configOf(t *testing.T, image v1.Image) v1.Config {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.Config
}

// imagesOf are the images in an archive, the probe's or the toolbox's, by architecture.
func imagesOf(t *testing.T, name string) map[string]v1.Image {
	t.Helper()
	folder := t.TempDir()
	archive := tar.NewReader(bytes.NewReader(read(t, dist, "netlook-"+name+"-image.tar")))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(folder, filepath.Clean("/"+header.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, all(t, archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	want := "docker.io/netlook/" + name + ":" + rendered(t).Spec.Version
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != want {
		t.Fatalf("the archive has %+v, want one image, %s", manifest.Manifests, want)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err = index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if m.Platform.OS != "linux" || config.Architecture != m.Platform.Architecture {
			t.Errorf("the image for %s says %s/%s", m.Platform, config.OS, config.Architecture)
		}
		images[m.Platform.Architecture] = image
	}
	return images
}

// theFile is the content of the one file of an image.
func theFile(t *testing.T, image v1.Image) []byte {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	archive := tar.NewReader(content)
	var data []byte
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return data
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if data != nil || header.Name != "netlook-probe" {
			t.Fatalf("the image has the file %s", header.Name)
		}
		data = all(t, archive)
	}
}

func TestImages(t *testing.T) {
	version := rendered(t).Spec.Version
	images := probeImages(t)
	for _, arch := range arches {
		image, ok := images[arch]
		if !ok {
			t.Errorf("no image for %s", arch)
			continue
		}
		checkBuild(t, image.binary, "linux/"+arch)
		if !bytes.Contains(image.binary, []byte(version)) {
			t.Errorf("%s: the probe does not hold its version %s", arch, version)
		}
		got := []string{image.config.User, image.config.Labels["org.opencontainers.image.version"]}
		if diff := cmp.Diff([]string{"65532:65532", version}, got); diff != "" {
			t.Errorf("%s: user and version (-want +got):\n%s", arch, diff)
		}
	}
	if len(images) != len(arches) {
		t.Errorf("%d images, want %d", len(images), len(arches))
	}
}

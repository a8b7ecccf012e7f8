package imagetar_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

func sample(t *testing.T) imagetar.Image {
	t.Helper()
	source := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(source, []byte("#!program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return imagetar.Image{
		Ref: "docker.io/netlook/sample:test",
		Files: map[string]imagetar.File{
			"/usr/bin/program": {Source: source},
			"/etc/notes":       {Source: source, Mode: 0o644},
		},
		Entrypoint: []string{"/usr/bin/program"},
		User:       "65532:65532",
		Labels:     map[string]string{"b": "2", "a": "1"},
	}
}

func TestWriteIsReproducible(t *testing.T) {
	image := sample(t)
	var archives [2][]byte
	var results [2]imagetar.Result
	for i := range archives {
		file := filepath.Join(t.TempDir(), "image.tar")
		result, err := imagetar.Write(file, image)
		if err != nil {
			t.Fatal(err)
		}
		results[i] = result
		if archives[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		t.Errorf("two builds differ (-first +second):\n%s", diff)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of the same image wrote different archives")
	}
	if results[0].CompressedSize == 0 || !strings.HasPrefix(results[0].Digest, "sha256:") {
		t.Errorf("result %+v: want a digest and a size", results[0])
	}
}

func TestWriteCanBeReadBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if _, err := imagetar.Write(file, sample(t)); err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.OS != "linux" {
		t.Errorf("config = %+v: user or system lost", config)
	}
	type entry struct {
		Name string
		Mode int64
		Type byte
	}
	var got []entry
	content := mutate.Extract(image)
	defer content.Close()
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		got = append(got, entry{header.Name, header.Mode, header.Typeflag})
	}
	want := []entry{
		{"etc/", 0o755, tar.TypeDir},
		{"etc/notes", 0o644, tar.TypeReg},
		{"usr/", 0o755, tar.TypeDir},
		{"usr/bin/", 0o755, tar.TypeDir},
		{"usr/bin/program", 0o755, tar.TypeReg},
	}
	for i := range got { // Extract drops the slash that marks a folder
		if got[i].Type == tar.TypeDir && !strings.HasSuffix(got[i].Name, "/") {
			got[i].Name += "/"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	good := sample(t)
	for _, test := range []struct {
		name   string
		change func(*imagetar.Image)
		want   string
	}{
		{"reference without a registry", func(i *imagetar.Image) { i.Ref = "app" }, "image reference"},
		{"relative path", func(i *imagetar.Image) {
			i.Files = map[string]imagetar.File{"app": good.Files["/etc/notes"]}
		}, "clean absolute path"},
		{"path that climbs", func(i *imagetar.Image) {
			i.Files = map[string]imagetar.File{"/../app": good.Files["/etc/notes"]}
		}, "clean absolute path"},
		{"missing source", func(i *imagetar.Image) {
			i.Files = map[string]imagetar.File{"/app": {Source: "/does/not/exist"}}
		}, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			image := good
			test.change(&image)
			folder := t.TempDir()
			_, err := imagetar.Write(filepath.Join(folder, "image.tar"), image)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error = %v, want one that contains %q", err, test.want)
			}
			if left, _ := os.ReadDir(folder); len(left) != 0 {
				t.Errorf("a failed write left %v behind", left)
			}
		})
	}
}

// TestRootFS: the files lie on the root filesystem, and replace what it has.
func TestRootFS(t *testing.T) {
	image := sample(t)
	image.RootFS = filepath.Join(t.TempDir(), "root.tar")
	var root bytes.Buffer
	archive := tar.NewWriter(&root)
	for _, name := range []string{"etc/notes", "etc/passwd"} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 4}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte("root")); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image.RootFS, root.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if _, err := imagetar.Write(file, image); err != nil {
		t.Fatal(err)
	}
	read, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	flat := mutate.Extract(read)
	defer flat.Close()
	got := map[string]string{}
	for reader := tar.NewReader(flat); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		content, _ := io.ReadAll(reader)
		got[header.Name] = string(content)
	}
	if got["etc/notes"] != "#!program" || got["etc/passwd"] != "root" {
		t.Errorf("the image has %v", got)
	}
	image.RootFS = "none.tar"
	if _, err := imagetar.Write(file, image); err == nil || !strings.Contains(err.Error(), "none.tar") {
		t.Errorf("a root filesystem that is not there: %v", err)
	}
}

package imagetar

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// annotationRef names an image inside an OCI layout. The image specification asks for
// a tag (image-spec annotations.md); containerd's import, skopeo and podman take the
// full reference too, and would make one up of a tag alone.
const annotationRef = "org.opencontainers.image.ref.name"

// WriteIndex makes an image of each architecture and writes them to file as one OCI
// archive (image-spec image-layout.md): its one manifest, named ref, is an index of
// them. The file appears complete or not at all. It returns the index's digest.
func WriteIndex(file, ref string, images []Image) (digest string, err error) {
	_, index, err := Index(ref, images)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "imagetar")
	if err != nil {
		return "", fmt.Errorf("write image %s: %w", ref, err)
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return "", fmt.Errorf("write image %s: %w", ref, err)
	}
	named := layout.WithAnnotations(map[string]string{annotationRef: ref})
	if err := path.AppendIndex(index, named); err != nil {
		return "", fmt.Errorf("write image %s: %w", ref, err)
	}
	if err := replace(file, func(w io.Writer) error { return tarFolder(w, folder) }); err != nil {
		return "", fmt.Errorf("write image %s: %w", ref, err)
	}
	hash, err := index.Digest()
	return hash.String(), err
}

// Index makes an image of each architecture, and an index of them that can be pushed
// as ref. All of it is read from the images' files and kept in memory.
func Index(ref string, images []Image) (name.Tag, v1.ImageIndex, error) {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return name.Tag{}, nil, fmt.Errorf("image reference %q: %w", ref, err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	seen := map[string]bool{}
	for _, image := range images {
		if image.Architecture == "" || seen[image.Architecture] {
			return name.Tag{}, nil, fmt.Errorf("build image %s: want one image for each architecture, got %q again", ref, image.Architecture)
		}
		seen[image.Architecture] = true
		built, err := build(image, types.OCILayer)
		if err != nil {
			return name.Tag{}, nil, fmt.Errorf("build image %s for %s: %w", ref, image.Architecture, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        mutate.MediaType(mutate.ConfigMediaType(built, types.OCIConfigJSON), types.OCIManifestSchema1),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: image.Architecture}},
		})
	}
	if len(images) == 0 {
		return name.Tag{}, nil, fmt.Errorf("build image %s: no architecture was given", ref)
	}
	return tag, index, nil
}

// tarFolder packs a folder's files, which the file system lists sorted, all with the
// same time.
func tarFolder(w io.Writer, folder string) error {
	archive := tar.NewWriter(w)
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		inside, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		return addFile(archive, filepath.ToSlash(inside), File{Source: file, Mode: 0o644})
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

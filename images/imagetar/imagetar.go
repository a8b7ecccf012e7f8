// Package imagetar writes container images from files, without a container
// engine, a registry or a Dockerfile: a scratch base, or the tar of a root
// filesystem, and one gzip-compressed layer of files on it, in the docker-archive
// form that `docker load` and `ctr images import` accept. Images of several
// architectures become one index: an OCI archive, or pushed to a registry.
//
// The same input gives the same bytes, so a digest can be pinned and compared.
// It exists because both the released probe image and the images of the test
// cluster are a static binary and nothing else, and the toolbox is not much more. It
// may import the standard library and go-containerregistry only.
package imagetar

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// system is what every image is for: its binaries are Linux programs.
const system = "linux"

// File is one regular file of the image.
type File struct {
	Source string      // path on this machine
	Mode   os.FileMode // permission bits; 0 means 0755
}

// Image describes an image completely: nothing else finds its way into it.
type Image struct {
	Ref          string          // full reference, such as docker.io/netlook/app:test
	RootFS       string          // a tar, gzip-compressed or not, that is the lowest layer; "" for none
	Files        map[string]File // absolute path in the image -> its content
	Entrypoint   []string
	Cmd          []string
	User         string // numeric "uid[:gid]", so that runAsNonRoot can be verified
	Env          []string
	WorkingDir   string
	Labels       map[string]string
	Architecture string // GOARCH; empty means this machine's
}

// Result tells what was written.
type Result struct {
	Digest         string // of the image's manifest, "sha256:..."
	CompressedSize int64  // bytes of the layers, as a registry would transfer them
}

// Write makes the image and writes it to file as a docker archive. The file
// appears complete or not at all.
func Write(file string, image Image) (Result, error) {
	// A tag, not a digest: the archive's repositories are what an import names.
	ref, err := name.NewTag(image.Ref, name.StrictValidation)
	if err != nil {
		return Result{}, fmt.Errorf("image reference %q: %w", image.Ref, err)
	}
	built, err := build(image, types.DockerLayer)
	if err != nil {
		return Result{}, fmt.Errorf("build image %s: %w", image.Ref, err)
	}
	result, err := measure(built)
	if err != nil {
		return Result{}, fmt.Errorf("measure image %s: %w", image.Ref, err)
	}
	if err := replace(file, func(w io.Writer) error { return tarball.Write(ref, built, w) }); err != nil {
		return Result{}, fmt.Errorf("write image %s: %w", image.Ref, err)
	}
	return result, nil
}

// replace writes a file that appears complete or not at all.
func replace(file string, write func(io.Writer) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // after the rename there is nothing left to remove
	if err := write(temporary); err != nil {
		temporary.Close()
		return err
	}
	// CreateTemp makes the file private; an archive is for others to load.
	if err := temporary.Chmod(0o644); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

func build(image Image, layerType types.MediaType) (v1.Image, error) {
	content, err := layerTar(image.Files)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(layerType),
		tarball.WithCompressedCaching, // digest, size and archive all need it: compress once
	)
	if err != nil {
		return nil, err
	}
	layers := []v1.Layer{layer}
	if image.RootFS != "" {
		root, err := tarball.LayerFromFile(image.RootFS, tarball.WithMediaType(layerType), tarball.WithCompressedCaching)
		if err != nil {
			return nil, fmt.Errorf("root filesystem %s: %w", image.RootFS, err)
		}
		layers = []v1.Layer{root, layer}
	}
	built, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	architecture := image.Architecture
	if architecture == "" {
		architecture = runtime.GOARCH
	}
	config, err := built.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = system, architecture
	config.Created = v1.Time{Time: epoch()}
	config.History = nil // would carry the moment of the build
	config.Config = v1.Config{
		Entrypoint: image.Entrypoint,
		Cmd:        image.Cmd,
		User:       image.User,
		Env:        image.Env,
		WorkingDir: image.WorkingDir,
		Labels:     image.Labels,
	}
	return mutate.ConfigFile(built, config)
}

func measure(image v1.Image) (Result, error) {
	digest, err := image.Digest()
	if err != nil {
		return Result{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return Result{}, err
	}
	result := Result{Digest: digest.String()}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return Result{}, err
		}
		result.CompressedSize += size
	}
	return result, nil
}

// epoch is the time stamped on everything, so that builds can be compared.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// layerTar packs the files, sorted by name, with their parent folders first.
func layerTar(files map[string]File) ([]byte, error) {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	names := make([]string, 0, len(files))
	for file := range files {
		if !path.IsAbs(file) || path.Clean(file) != file {
			return nil, fmt.Errorf("file %q: want a clean absolute path in the image", file)
		}
		names = append(names, file)
	}
	sort.Strings(names)
	made := map[string]bool{}
	for _, file := range names {
		if err := addParents(archive, made, file); err != nil {
			return nil, err
		}
		if err := addFile(archive, file, files[file]); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

func addParents(archive *tar.Writer, made map[string]bool, file string) error {
	folder := ""
	for _, part := range strings.Split(strings.Trim(path.Dir(file), "/"), "/") {
		if part == "" {
			continue
		}
		folder += part + "/"
		if made[folder] {
			continue
		}
		made[folder] = true
		header := &tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755, ModTime: epoch()}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
	}
	return nil
}

func addFile(archive *tar.Writer, name string, file File) error {
	source, err := os.Open(file.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file.Source)
	}
	mode := file.Mode.Perm()
	if mode == 0 {
		mode = 0o755
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(name, "/"),
		Mode:     int64(mode),
		Size:     info.Size(),
		ModTime:  epoch(),
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, source)
	return err
}

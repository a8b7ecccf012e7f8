// Package mirror is for clusters that reach no registry of ours: it saves images into a
// file that can be carried there, and says how to copy them from registry to registry.
//
// It talks to registries and to no cluster; it may import go-containerregistry.
package mirror

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// AllPlatforms as the only platform saves an image with all that belongs to it, which
// keeps the digest of an image for several platforms.
const AllPlatforms = "all"

// Options of Save.
type Options struct {
	// Images are references, by tag or by digest.
	Images []string
	// Platforms are OS/ARCHITECTURE, or AllPlatforms alone.
	Platforms []string
	// File is written: an OCI layout as a tar, complete or not at all.
	File string
	// Progress, when set, hears how many bytes have come so far of which image, from
	// one goroutine at a time.
	Progress func(image string, bytes int64)
}

// Saved is an image in the file.
type Saved struct {
	Image     string   `json:"image"`
	Digest    string   `json:"digest"`
	Platforms []string `json:"platforms"`
}

// Save pulls the images, with the credentials of docker login or podman login, and
// writes them. The error is one line and names the image.
func Save(ctx context.Context, o Options) ([]Saved, error) {
	folder := filepath.Dir(o.File)
	work, err := os.MkdirTemp(folder, ".netlook-save-")
	if err != nil {
		return nil, fmt.Errorf("save images to %s: %w", o.File, err)
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "layout")
	path, err := layout.Write(root, empty.Index)
	if err != nil {
		return nil, fmt.Errorf("save images to %s: %w", o.File, err)
	}
	var list []Saved
	for _, image := range o.Images {
		if i := slices.IndexFunc(list, func(s Saved) bool { return s.Image == image }); i >= 0 {
			list = append(list, list[i]) // named twice, saved once
			continue
		}
		saved, err := o.pull(ctx, path, image)
		if err != nil {
			return nil, fmt.Errorf("pull %s: %w", image, short(err))
		}
		list = append(list, saved)
	}
	packed := filepath.Join(work, "images.tar")
	if err := pack(root, packed); err != nil {
		return nil, fmt.Errorf("save images to %s: %w", o.File, err)
	}
	if err := os.Rename(packed, o.File); err != nil {
		return nil, fmt.Errorf("save images to %s: %w", o.File, err)
	}
	return list, nil
}

func (o Options) pull(ctx context.Context, path layout.Path, image string) (Saved, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return Saved{}, err
	}
	var one sync.Mutex // layers come at the same time
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(&counting{base: remote.DefaultTransport, told: func(n int64) {
			if o.Progress != nil {
				one.Lock()
				defer one.Unlock()
				o.Progress(image, n)
			}
		}}),
	}
	found, err := remote.Get(ref, options...)
	if err != nil {
		return Saved{}, err
	}
	// An import by containerd takes the first name, other tools the second.
	called := layout.WithAnnotations(map[string]string{"io.containerd.image.name": FullName(ref), "org.opencontainers.image.ref.name": FullName(ref)})
	if !found.MediaType.IsIndex() {
		return o.single(path, found, image, called)
	}
	index, err := found.ImageIndex()
	if err != nil {
		return Saved{}, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return Saved{}, err
	}
	var have, kept []string
	unwanted := func(d v1.Descriptor) bool { return !o.all() && !slices.Contains(o.Platforms, platform(d.Platform)) }
	for _, d := range manifest.Manifests {
		have = append(have, platform(d.Platform))
		if !unwanted(d) {
			kept = append(kept, platform(d.Platform))
		}
	}
	for _, wanted := range o.Platforms {
		if !o.all() && !slices.Contains(have, wanted) {
			return Saved{}, fmt.Errorf("there is none for %s, only for %s", wanted, strings.Join(have, ", "))
		}
	}
	if len(kept) < len(have) {
		index = mutate.RemoveManifests(index, unwanted)
	}
	digest, err := index.Digest()
	if err != nil {
		return Saved{}, err
	}
	if asked, pinned := ref.(name.Digest); pinned && asked.DigestStr() != digest.String() {
		return Saved{}, fmt.Errorf("its digest would change with platforms left out: use --platform %s", AllPlatforms)
	}
	return Saved{Image: image, Digest: digest.String(), Platforms: kept}, path.AppendIndex(index, called)
}

// single saves an image for one platform.
func (o Options) single(path layout.Path, found *remote.Descriptor, image string, called layout.Option) (Saved, error) {
	img, err := found.Image()
	if err != nil {
		return Saved{}, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return Saved{}, err
	}
	is := platform(config.Platform())
	if !o.all() && !slices.Contains(o.Platforms, is) {
		return Saved{}, fmt.Errorf("there is none for %s, only for %s", strings.Join(o.Platforms, " or "), is)
	}
	saved := Saved{Image: image, Digest: found.Digest.String(), Platforms: []string{is}}
	if config.Platform() == nil { // an image may say nothing of it
		return saved, path.AppendImage(img, called)
	}
	return saved, path.AppendImage(img, called, layout.WithPlatform(*config.Platform()))
}

func (o Options) all() bool { return slices.Equal(o.Platforms, []string{AllPlatforms}) }

// platform is OS/ARCHITECTURE: variants of one architecture are kept together.
func platform(p *v1.Platform) string {
	if p == nil {
		return "unknown/unknown"
	}
	return p.OS + "/" + p.Architecture
}

// short takes from an error of the network what repeats the request, and says what may
// help.
func short(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "unauthorized"), strings.Contains(lower, "denied"):
		return fmt.Errorf("the registry refuses it (log in with docker login or podman login, and check the name): %s", text)
	case strings.Contains(lower, "dial "), strings.Contains(lower, "lookup "), strings.Contains(lower, "timeout"), strings.Contains(lower, "tls: "), strings.Contains(lower, "x509: "):
		return fmt.Errorf("the registry cannot be reached from here (run this where it can be, or set HTTPS_PROXY): %s", text)
	}
	return errors.New(text)
}

// pack writes the folder as a tar, the same bytes for the same content.
func pack(root, file string) (err error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	archive := tar.NewWriter(out)
	err = fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := os.Open(filepath.Join(root, path))
		if err != nil {
			return err
		}
		defer source.Close()
		info, err := source.Stat()
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: info.Size()}); err != nil {
			return err
		}
		_, err = io.Copy(archive, source)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// counting counts the bytes that come.
type counting struct {
	base http.RoundTripper
	n    atomic.Int64
	told func(int64)
}

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.base.RoundTrip(r)
	if err == nil {
		response.Body = &countedBody{response.Body, c}
	}
	return response, err
}

type countedBody struct {
	io.ReadCloser
	c *counting
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.told(b.c.n.Add(int64(n)))
	return n, err
}

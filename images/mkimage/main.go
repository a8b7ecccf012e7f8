// Command mkimage writes the probe's image, or with -rootfs the toolbox's, as a tar for
// `docker load`, `ctr images import` or bin/testcluster load, without a container engine.
// They are the images that images/probe/Dockerfile and images/toolbox/Dockerfile
// describe; a test compares them.
//
// With arguments ARCH=BINARY it makes one image for all of these architectures, which
// is written as an OCI archive, or pushed (-push).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

type options struct {
	binary, ref, version, out string
	// rootfs and files make it the toolbox: see toolbox.
	rootfs, files string
	// sbom is where the list of the toolbox's packages goes; "": nowhere.
	sbom string
	push bool
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/netlook-probe", "the static binary of the probe")
	flag.StringVar(&o.ref, "ref", "", "the reference that the image gets")
	flag.StringVar(&o.version, "version", "dev", "the version for its label")
	flag.StringVar(&o.rootfs, "rootfs", "", "the root filesystem of the toolbox, as images/toolbox/rootfs.sh writes it; ARCH in it is replaced")
	flag.StringVar(&o.files, "files", "images/toolbox/files", "the folder with the toolbox's own files")
	flag.StringVar(&o.sbom, "sbom", "", "the file for the list of the packages in -rootfs (CycloneDX); ARCH in it is replaced")
	flag.StringVar(&o.out, "o", "bin/probe.tar", "the file to write")
	flag.BoolVar(&o.push, "push", false, "push to the registry of -ref instead; for ARCH=BINARY")
	flag.Parse()
	said, err := o.run(context.Background(), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

// run makes the image and returns a line that says what it made.
func (o options) run(ctx context.Context, binaries []string) (string, error) {
	if len(binaries) == 0 {
		if o.push {
			return "", fmt.Errorf("push %s: give ARCH=BINARY for each architecture", o.ref)
		}
		img, err := o.image(o.binary, runtime.GOARCH)
		if err != nil {
			return "", err
		}
		result, err := imagetar.Write(o.out, img)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %s, %.1f MB compressed, in %s", o.ref, result.Digest, float64(result.CompressedSize)/1e6, o.out), nil
	}
	var images []imagetar.Image
	var names []string
	for _, arg := range binaries {
		arch, binary, ok := strings.Cut(arg, "=")
		if !ok {
			return "", fmt.Errorf("argument %q: want ARCH=BINARY, such as arm64=bin/linux/arm64/netlook-probe", arg)
		}
		img, err := o.image(binary, arch)
		if err != nil {
			return "", err
		}
		if o.sbom != "" {
			if err := writeSBOM(strings.ReplaceAll(o.sbom, "ARCH", arch), o.ref, o.version, img.RootFS); err != nil {
				return "", err
			}
		}
		images, names = append(images, img), append(names, arch)
	}
	if o.push {
		digest, err := push(ctx, o.ref, images)
		return fmt.Sprintf("%s %s for %s, pushed", o.ref, digest, strings.Join(names, ", ")), err
	}
	digest, err := imagetar.WriteIndex(o.out, o.ref, images)
	return fmt.Sprintf("%s %s for %s, in %s", o.ref, digest, strings.Join(names, ", "), o.out), err
}

// image is the one that was asked for, for an architecture.
func (o options) image(binary, arch string) (imagetar.Image, error) {
	img, err := image(o.ref, binary, o.version), error(nil)
	if o.rootfs != "" {
		img, err = toolbox(o.ref, binary, o.version, strings.ReplaceAll(o.rootfs, "ARCH", arch), o.files)
	}
	img.Architecture = arch
	return img, err
}

// push sends the image to the registry of ref, with the credentials of `docker login`.
// The digest is that of the archive.
func push(ctx context.Context, ref string, images []imagetar.Image) (digest string, err error) {
	tag, index, err := imagetar.Index(ref, images)
	if err != nil {
		return "", err
	}
	if err := remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return "", fmt.Errorf("push image %s: %w", ref, err)
	}
	hash, err := index.Digest()
	return hash.String(), err
}

func image(ref, binary, version string) imagetar.Image {
	return imagetar.Image{
		Ref:        ref,
		Files:      map[string]imagetar.File{"/netlook-probe": {Source: binary, Mode: 0o755}},
		Entrypoint: []string{"/netlook-probe"},
		User:       "65532:65532",
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "netlook-probe",
			"org.opencontainers.image.description": "Runs the network checks of kubectl netlook inside a pod",
			"org.opencontainers.image.source":      "https://github.com/netlook/kubectl-netlook",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.version":     version,
		},
	}
}

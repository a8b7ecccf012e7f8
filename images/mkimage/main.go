// Command mkimage writes the probe's image, or with -rootfs the toolbox's, as a tar for
// `docker load`, `ctr images import` or bin/testcluster load, without a container engine.
// They are the images that images/probe/Dockerfile and images/toolbox/Dockerfile
// describe; a test compares them.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

func main() {
	binary := flag.String("binary", "bin/netlook-probe", "the static binary of the probe")
	ref := flag.String("ref", "", "the reference that the image gets")
	version := flag.String("version", "dev", "the version for its label")
	rootfs := flag.String("rootfs", "", "the root filesystem of the toolbox, as images/toolbox/rootfs.sh writes it")
	files := flag.String("files", "images/toolbox/files", "the folder with the toolbox's own files")
	out := flag.String("o", "bin/probe.tar", "the file to write")
	flag.Parse()
	img, err := image(*ref, *binary, *version), error(nil)
	if *rootfs != "" {
		img, err = toolbox(*ref, *binary, *version, *rootfs, *files)
	}
	var result imagetar.Result
	if err == nil {
		result, err = imagetar.Write(*out, img)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Printf("%s %s, %.1f MB compressed, in %s\n", *ref, result.Digest, float64(result.CompressedSize)/1e6, *out)
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

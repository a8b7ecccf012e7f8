package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

// toolbox is the image of `kubectl netlook shell`: Debian's tools, the files of the
// folder files at their places, and the probe.
func toolbox(ref, binary, version, rootfs, files string) (imagetar.Image, error) {
	img := imagetar.Image{
		Ref:        ref,
		RootFS:     rootfs,
		Files:      map[string]imagetar.File{"/usr/local/bin/netlook-probe": {Source: binary, Mode: 0o755}},
		Entrypoint: []string{"/usr/local/bin/netlook-shell"},
		User:       "65532:65532",
		Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG=C.UTF-8"},
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "netlook-toolbox",
			"org.opencontainers.image.description": "A shell with network tools for kubectl netlook shell",
			"org.opencontainers.image.source":      "https://github.com/netlook/kubectl-netlook",
			"org.opencontainers.image.version":     version,
		},
	}
	err := fs.WalkDir(os.DirFS(files), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		mode := os.FileMode(0o644)
		if filepath.Base(filepath.Dir(path)) == "bin" {
			mode = 0o755 // and not the checkout's, which some systems do not keep
		}
		img.Files["/"+path] = imagetar.File{Source: filepath.Join(files, path), Mode: mode}
		return nil
	})
	return img, err
}

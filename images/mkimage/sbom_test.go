package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDebian(t *testing.T) {
	got, err := debian("Package: libstdc++6\nVersion: 1:14.2.0-19+b1\nArchitecture: arm64\nSource: gcc-14 (14.2.0-19)\nMaintainer: A <a@b.c>\nStatus: install ok installed\n")
	want := component{
		Type: "library", Name: "libstdc++6", Version: "1:14.2.0-19+b1", Supplier: &supplier{"A <a@b.c>"},
		PURL: "pkg:deb/debian/libstdc%2B%2B6@1%3A14.2.0-19%2Bb1?arch=arm64&distro=trixie&upstream=gcc-14%4014.2.0-19",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := debian("Package: x\n"); err == nil {
		t.Error("a package without a version is no error")
	}
}

// TestSBOMRefusesNothing: a root filesystem without any package would be a list that
// hides everything.
func TestSBOMRefusesNothing(t *testing.T) {
	for name, files := range map[string][]string{
		"none":      {"./bin/bash"},
		"elsewhere": {"./var/lib/dpkg/status.d/x/y"},
		"one":       {"./var/lib/dpkg/status.d/bash"},
	} {
		var data bytes.Buffer
		zip := gzip.NewWriter(&data)
		archive := tar.NewWriter(zip)
		for _, file := range files {
			text := "Package: bash\nVersion: 5\nArchitecture: all\n"
			if err := archive.WriteHeader(&tar.Header{Name: file, Typeflag: tar.TypeReg, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		rootfs, out := filepath.Join(t.TempDir(), "rootfs.tar.gz"), filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(rootfs, data.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		err := writeSBOM(out, "docker.io/netlook/toolbox:v1", "v1", rootfs)
		if (err == nil) != (name == "one") {
			t.Errorf("%s: %v", name, err)
		}
		if written, _ := os.ReadFile(out); name == "one" && !strings.Contains(string(written), `"pkg:deb/debian/bash@5?arch=all`) {
			t.Errorf("it lists: %s", written)
		}
	}
}

//go:build release

package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dist is what `make snapshot` wrote.
var dist = filepath.Join("..", "..", "dist")

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatalf("%v (make snapshot writes it)", err)
	}
	return data
}

func rendered(t *testing.T) manifest {
	t.Helper()
	m, err := parse(read(t, dist, "plugin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifest(t *testing.T) {
	m := rendered(t)
	for _, rule := range m.broken(dist) {
		t.Error(rule)
	}
	for _, p := range m.Spec.Platforms {
		t.Run(p.String(), func(t *testing.T) {
			files := unpack(t, filepath.Join(dist, p.archive()))
			var names []string
			for name := range files {
				names = append(names, name)
			}
			slices.Sort(names)
			if diff := cmp.Diff([]string{"LICENSE", p.Bin}, names); diff != "" {
				t.Errorf("files of %s (-want +got):\n%s", p.archive(), diff)
			}
			if !bytes.Equal(files["LICENSE"].data, read(t, "..", "..", "LICENSE")) {
				t.Error("its LICENSE is not ours")
			}
			binary := files[p.Bin]
			if binary.mode&0o111 != 0o111 {
				t.Errorf("%s has mode %o: not everybody may run it", p.Bin, binary.mode)
			}
			if !bytes.Contains(binary.data, []byte(m.Spec.Version)) {
				t.Errorf("%s does not hold its version %s", p.Bin, m.Spec.Version)
			}
			checkBuild(t, binary.data, p.String())
		})
	}
}

// checkBuild asserts how a binary was built, as it says itself.
func checkBuild(t *testing.T, binary []byte, platform string) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if got := settings["GOOS"] + "/" + settings["GOARCH"]; got != platform {
		t.Errorf("it is built for %s", got)
	}
	if settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" {
		t.Errorf("settings %v: want CGO_ENABLED=0 and -trimpath", settings)
	}
	return info
}

// file is a file of an archive.
type file struct {
	data []byte
	mode fs.FileMode
}

// unpack reads a tar.gz or zip archive whole.
func unpack(t *testing.T, name string) map[string]file {
	t.Helper()
	files := map[string]file{}
	data := read(t, name)
	if strings.HasSuffix(name, ".zip") {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.File {
			content, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			files[f.Name] = file{all(t, content), f.Mode()}
		}
		return files
	}
	content, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = file{all(t, archive), header.FileInfo().Mode()}
	}
}

func all(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestChecksums: checksums.txt has every file of the release but itself and the
// manifest, which holds checksums of its own.
func TestChecksums(t *testing.T) {
	sums := map[string]string{}
	for line := range strings.Lines(string(read(t, dist, "checksums.txt"))) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			t.Fatalf("line %q", line)
		}
		sums[fields[1]] = fields[0]
	}
	got := map[string]string{}
	for _, name := range released(t) {
		got[name] = sha(read(t, dist, name))
	}
	if diff := cmp.Diff(got, sums); diff != "" {
		t.Errorf("(-files +checksums.txt):\n%s", diff)
	}
}

// released are the names of the files that a release is to have: an archive and an
// SBOM for each platform, and of the probe and of the toolbox the image and an SBOM for
// each architecture.
func released(t *testing.T) []string {
	version := rendered(t).Spec.Version
	names := []string{"netlook-probe-image.tar", "netlook-toolbox-image.tar"}
	for _, p := range promised() {
		name := "kubectl-netlook_" + version + "_" + strings.ReplaceAll(p, "/", "_")
		form := ".tar.gz"
		if strings.HasPrefix(p, "windows/") {
			form = ".zip"
		}
		names = append(names, name+form, name+".cdx.json")
	}
	for _, arch := range arches {
		names = append(names, "netlook-probe_"+version+"_linux_"+arch+".cdx.json", "netlook-toolbox_"+version+"_linux_"+arch+".cdx.json")
	}
	return names
}

// TestSBOM: each is CycloneDX, and has just the modules that its binary says it is of.
func TestSBOM(t *testing.T) {
	m := rendered(t)
	for _, p := range m.Spec.Platforms {
		binary := unpack(t, filepath.Join(dist, p.archive()))[p.Bin].data
		name := "kubectl-netlook_" + m.Spec.Version + "_" + strings.ReplaceAll(p.String(), "/", "_") + ".cdx.json"
		t.Run(name, func(t *testing.T) { checkSBOM(t, name, binary, p.String(), m.Spec.Version) })
	}
	for arch, image := range probeImages(t) {
		name := "netlook-probe_" + m.Spec.Version + "_linux_" + arch + ".cdx.json"
		t.Run(name, func(t *testing.T) { checkSBOM(t, name, image.binary, "linux/"+arch, m.Spec.Version) })
	}
}

func checkSBOM(t *testing.T, name string, binary []byte, platform, version string) {
	t.Helper()
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}
	if err := json.Unmarshal(read(t, dist, name), &bom); err != nil {
		t.Fatal(err)
	}
	info := checkBuild(t, binary, platform)
	if want := (component{info.Main.Path, version}); bom.Format != "CycloneDX" || bom.Metadata.Component != want {
		t.Errorf("format %q of %v, want CycloneDX of %v", bom.Format, bom.Metadata.Component, want)
	}
	want := map[component]bool{{"std", info.GoVersion}: true}
	for _, dep := range info.Deps {
		want[component{dep.Path, dep.Version}] = true
	}
	got := map[component]bool{}
	for _, c := range bom.Components {
		got[c] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modules (-binary +SBOM):\n%s", diff)
	}
}

// Package release tests what `make snapshot` left in dist/: the archives, krew's
// manifest, checksums, SBOMs and the probe's image, and that krew installs and kubectl
// runs them. Its tests have the build tag "release", since they need that folder, and
// fail without it; the rules of the manifest are tested by themselves.
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// manifest is krew's, as far as it is used here
// (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/).
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string     `json:"version"`
		Homepage         string     `json:"homepage"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Platforms        []platform `json:"platforms"`
	} `json:"spec"`
}

type platform struct {
	URI      string `json:"uri"`
	SHA256   string `json:"sha256"`
	Bin      string `json:"bin"`
	Selector struct {
		MatchLabels struct {
			OS   string `json:"os"`
			Arch string `json:"arch"`
		} `json:"matchLabels"`
	} `json:"selector"`
}

func (p platform) String() string {
	return p.Selector.MatchLabels.OS + "/" + p.Selector.MatchLabels.Arch
}

// archive is the name of the file that krew loads.
func (p platform) archive() string { return path.Base(p.URI) }

// promised are the platforms that a release is for.
func promised() []string {
	return []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64"}
}

// parse reads a manifest. A field that krew does not know is an error.
func parse(data []byte) (manifest, error) {
	var m manifest
	err := yaml.UnmarshalStrict(data, &m)
	return m, err
}

// broken lists the rules that a manifest breaks, given the folder with its archives.
func (m manifest) broken(dist string) []string {
	var list []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	want(m.APIVersion == "krew.googlecontainertools.github.com/v1alpha2", "apiVersion %q", m.APIVersion)
	want(m.Kind == "Plugin", "kind %q", m.Kind)
	want(m.Metadata.Name == "netlook", "name %q", m.Metadata.Name)
	_, err := version.ParseSemantic(m.Spec.Version)
	want(err == nil && strings.HasPrefix(m.Spec.Version, "v"), "version %q is not v and semver", m.Spec.Version)
	short := m.Spec.ShortDescription
	want(short != "" && len(short) <= 50, "short description of %d characters, want 1 to 50", len(short))
	want(!strings.HasSuffix(short, ".") && !strings.Contains(short, "\n"), "short description %q is a sentence", short)
	want(m.Spec.Description != "", "no description")
	want(strings.HasPrefix(m.Spec.Homepage, "https://"), "homepage %q", m.Spec.Homepage)
	var platforms []string
	for _, p := range m.Spec.Platforms {
		platforms = append(platforms, p.String())
		list = append(list, p.broken(dist, m)...)
	}
	slices.Sort(platforms)
	want(slices.Equal(platforms, promised()), "platforms %v, want %v", platforms, promised())
	return list
}

func (p platform) broken(dist string, m manifest) []string {
	var list []string
	windows := p.Selector.MatchLabels.OS == "windows"
	bin, form := "kubectl-netlook", ".tar.gz"
	if windows {
		bin, form = bin+".exe", ".zip"
	}
	if p.Bin != bin {
		list = append(list, fmt.Sprintf("%s: bin %q, want %s", p, p.Bin, bin))
	}
	name := fmt.Sprintf("kubectl-netlook_%s_%s%s", m.Spec.Version, strings.ReplaceAll(p.String(), "/", "_"), form)
	if uri := m.Spec.Homepage + "/releases/download/" + m.Spec.Version + "/" + name; p.URI != uri {
		list = append(list, fmt.Sprintf("%s: uri %s, want %s", p, p.URI, uri))
	}
	data, err := os.ReadFile(filepath.Join(dist, p.archive()))
	if err != nil {
		return append(list, fmt.Sprintf("%s: %v", p, err))
	}
	if sum := sha(data); p.SHA256 != sum {
		list = append(list, fmt.Sprintf("%s: sha256 %s, and the archive has %s", p, p.SHA256, sum))
	}
	return list
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

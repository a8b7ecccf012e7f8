// Package build compiles what the cluster runs and keeps it in a cache outside the
// checkout, so that a fresh clone on a machine that has built before starts in
// seconds. What is cached is keyed by all it is made from; a key that is there is
// complete, because folders appear by renaming. It imports the standard library,
// x/sys, images/imagetar and topology only.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/netlook/kubectl-netlook/images/imagetar"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// KubernetesVersion is what the components report; it must be the one required in
// components/kubernetes/go.mod.
const KubernetesVersion = "v1.36.3"

// Component is one program to build.
type Component struct {
	Name    string
	Module  string   // folder in which go build runs, relative to test/cluster
	Package string   // what it builds there
	Sources []string // files and folders whose content is the key, relative to test/cluster
	LDFlags string
	Tags    string          // build tags
	Data    *Data           // files of a module that the program reads when it runs
	Calls   []string        // further names of the same program
	Image   *imagetar.Image // also packed as this image, with the program as /NAME
}

// Data is a folder of a module that is copied beside the program.
type Data struct{ Module, Folder string }

// Names of components.
const (
	Kubernetes = "kubernetes"
	Flannel    = "flannel"
	Cilium     = "cilium"
	CoreDNS    = "coredns"
	App        = "app"
	Pause      = "pause"
)

// Images that every node holds.
const (
	AppImage     = "docker.io/netlook/app:test"
	PauseImage   = "docker.io/netlook/pause:test"
	CoreDNSImage = "docker.io/netlook/coredns:test"
)

// nobody is the numeric user of images that need no rights: it passes runAsNonRoot.
const nobody = "65532:65532"

// Components lists everything a cluster with this pod network runs, in the order to
// build it.
func Components(cni string) []Component {
	version := "-X k8s.io/component-base/version.gitVersion=" + KubernetesVersion +
		" -X k8s.io/client-go/pkg/version.gitVersion=" + KubernetesVersion
	module := func(name, ldflags string) Component {
		folder := "components/" + name
		return Component{Name: name, Module: folder, Package: ".", Sources: []string{folder}, LDFlags: ldflags}
	}
	own := func(name string) Component {
		return Component{Name: name, Module: ".", Package: "./" + name, Sources: []string{name}}
	}
	kubernetes := module(Kubernetes, version)
	kubernetes.Calls = []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
	}
	coredns := module(CoreDNS, "")
	// As root in its container: port 53 is privileged.
	coredns.Image = &imagetar.Image{Ref: CoreDNSImage}
	app := own(App)
	app.Image = &imagetar.Image{Ref: AppImage, User: nobody}
	pause := own(Pause)
	pause.Image = &imagetar.Image{Ref: PauseImage, User: nobody}
	network := module(Flannel, "")
	if cni == topology.Cilium {
		network = module(Cilium, "")
		network.Calls = []string{"cilium-agent", "cilium-operator", "cilium-cni", "cilium-dbg"}
		network.Tags = "ipam_provider_operator"
		// The agent compiles its datapath when it starts.
		network.Data = &Data{Module: "github.com/cilium/cilium", Folder: "bpf"}
	}
	return []Component{app, pause, kubernetes, network, coredns}
}

func (c Component) arguments(output string) []string {
	arguments := []string{
		"build", "-trimpath", "-buildvcs=false",
		"-ldflags", strings.TrimSpace("-s -w " + c.LDFlags), "-o", output,
	}
	if c.Tags != "" {
		arguments = append(arguments, "-tags", c.Tags)
	}
	return append(arguments, c.Package)
}

// Key identifies what building the component from sources would give: it changes
// with any source, the compiler, the architecture or the command line.
func (c Component) Key(sources, goVersion, goarch string) (string, error) {
	paths := append([]string(nil), c.Sources...)
	if c.Image != nil {
		paths = append(paths, "../../images/imagetar")
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%q\n%q\n", goVersion, goarch, c.arguments(c.Name), c.Calls)
	if c.Image != nil {
		fmt.Fprintf(sum, "%s %s\n", c.Image.Ref, c.Image.User)
	}
	if c.Data != nil { // of a version that the sources name
		fmt.Fprintf(sum, "%s %s\n", c.Data.Module, c.Data.Folder)
	}
	for _, path := range paths {
		if err := addTree(sum, sources, path); err != nil {
			return "", fmt.Errorf("compute the cache key of %s: %w", c.Name, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// setupKey identifies the sources of testcluster itself. A cluster that others
// configured is not the one that this checkout's tests ask for.
func setupKey(sources string) (string, error) {
	sum := sha256.New()
	for _, path := range []string{"cmd", "internal"} {
		if err := addTree(sum, sources, path); err != nil {
			return "", fmt.Errorf("compute the key of testcluster: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// addTree adds names and contents, in order. Tests do not end in the program.
func addTree(sum io.Writer, base, path string) error {
	var files []string
	err := filepath.WalkDir(filepath.Join(base, path), func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return err
	}
	sort.Strings(files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(base, file)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(content))
	}
	return nil
}

// SourceEnv names the folder test/cluster of the checkout to build from.
const SourceEnv = "NETLOOK_TESTCLUSTER_SRC"

// FindSources finds test/cluster: the one of the checkout that holds this program
// (bin/testcluster), else of the checkout that one stands in.
func FindSources() (string, error) {
	if named := os.Getenv(SourceEnv); named != "" {
		return filepath.Abs(named)
	}
	var starts []string
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	if folder, err := os.Getwd(); err == nil {
		starts = append(starts, folder)
	}
	for _, start := range starts {
		for folder := start; ; folder = filepath.Dir(folder) {
			candidate := filepath.Join(folder, "test", "cluster")
			if _, err := os.Stat(filepath.Join(candidate, "components", Kubernetes, "go.mod")); err == nil {
				return candidate, nil
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", errors.New("cannot find test/cluster of a checkout: run this inside one, or set " + SourceEnv)
}

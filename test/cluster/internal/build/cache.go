//go:build linux

package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/images/imagetar"
)

// keep is how many builds of a component stay: the current one, and the one a
// running cluster or another branch may still use.
const keep = 2

// Cache is the folder of everything built.
type Cache struct {
	Dir     string
	Sources string // test/cluster of a checkout
	CNI     string // the pod network, which decides what is needed
	// Progress is told what takes long.
	Progress func(format string, arguments ...any)
}

// DefaultDir is $XDG_CACHE_HOME/netlook/testcluster, or its default.
func DefaultDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(base, "netlook", "testcluster"), nil
}

// Built is where the products of all components are.
type Built struct {
	Keys map[string]string // component -> cache key
	// Setup identifies testcluster's own sources: they configure what is built.
	Setup string
	cni   string
	dir   string
}

// Folder is the folder of one component's products.
func (b Built) Folder(component string) string {
	return filepath.Join(b.dir, component+"-"+b.Keys[component])
}

// Bin is the folder with kubectl, kubelet and their like.
func (b Built) Bin() string { return filepath.Join(b.Folder(Kubernetes), "bin") }

// Program is the path of a program, by the name it is called by.
func (b Built) Program(component, name string) string {
	return filepath.Join(b.Folder(component), "bin", name)
}

// ImageTars lists the image archives.
func (b Built) ImageTars() []string {
	var tars []string
	for _, component := range Components(b.cni) {
		if component.Image != nil {
			tars = append(tars, filepath.Join(b.Folder(component.Name), "image.tar"))
		}
	}
	return tars
}

// Resolve computes what Ensure would give, without building.
func (c Cache) Resolve(ctx context.Context) (Built, error) {
	version, err := goVersion(ctx, c.Sources)
	if err != nil {
		return Built{}, err
	}
	built := Built{Keys: map[string]string{}, cni: c.CNI, dir: c.Dir}
	for _, component := range Components(c.CNI) {
		key, err := component.Key(c.Sources, version, runtime.GOARCH)
		if err != nil {
			return Built{}, err
		}
		built.Keys[component.Name] = key
	}
	if built.Setup, err = setupKey(c.Sources); err != nil {
		return Built{}, err
	}
	return built, nil
}

// Running gives the products of a cluster that was started with these keys.
func Running(dir string, keys map[string]string) Built { return Built{Keys: keys, dir: dir} }

// Missing lists the components that are not in the cache.
func (b Built) Missing() []string {
	var missing []string
	for _, component := range Components(b.cni) {
		if _, err := os.Stat(b.Folder(component.Name)); err != nil {
			missing = append(missing, component.Name)
		}
	}
	return missing
}

// Ensure builds what is missing.
func (c Cache) Ensure(ctx context.Context) (Built, error) {
	built, err := c.Resolve(ctx)
	if err != nil {
		return Built{}, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return Built{}, fmt.Errorf("make the cache folder: %w", err)
	}
	for _, component := range Components(c.CNI) {
		if _, err := os.Stat(built.Folder(component.Name)); err == nil {
			continue
		}
		if err := c.buildLocked(ctx, component, built.Folder(component.Name)); err != nil {
			return Built{}, fmt.Errorf("build %s: %w", component.Name, err)
		}
		if err := prune(c.Dir, component.Name, built.Folder(component.Name)); err != nil {
			return Built{}, fmt.Errorf("prune the cache of %s: %w", component.Name, err)
		}
	}
	return built, nil
}

// buildLocked builds while no other process builds the same component.
func (c Cache) buildLocked(ctx context.Context, component Component, folder string) error {
	lock, err := os.OpenFile(filepath.Join(c.Dir, component.Name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks
	for told := false; ; told = true {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		if !told {
			c.Progress("%s: another process builds it, waiting", component.Name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	if _, err := os.Stat(folder); err == nil {
		return nil // the other one has just finished it
	}
	if err := removeStaged(c.Dir, component.Name); err != nil {
		return err
	}
	started := time.Now()
	c.Progress("%s: building", component.Name)
	if err := c.build(ctx, component, folder); err != nil {
		return err
	}
	c.Progress("%s: built in %.0f s", component.Name, time.Since(started).Seconds())
	return nil
}

func (c Cache) build(ctx context.Context, component Component, final string) error {
	folder, err := os.MkdirTemp(c.Dir, staging(component.Name))
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) // after the rename there is nothing left to remove
	bin := filepath.Join(folder, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	program := filepath.Join(bin, component.Name)
	if err := c.compile(ctx, component, program); err != nil {
		return err
	}
	if component.Data != nil {
		if err := c.copyData(ctx, component, folder); err != nil {
			return err
		}
	}
	for _, name := range component.Calls {
		if err := os.Symlink(component.Name, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	if component.Image != nil {
		image := *component.Image
		image.Files = map[string]imagetar.File{"/" + component.Name: {Source: program}}
		image.Entrypoint = []string{"/" + component.Name}
		image.Env = []string{"PATH=/"}
		if _, err := imagetar.Write(filepath.Join(folder, "image.tar"), image); err != nil {
			return err
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil { // MkdirTemp makes it private
		return err
	}
	return os.Rename(folder, final)
}

// staging is how the names of folders begin in which a component is being built.
func staging(component string) string { return ".staging-" + component + "-" }

// removeStaged removes what builds of a component left that were killed. The
// component's lock is held, so nobody is building it now.
func removeStaged(dir, component string) error {
	left, err := filepath.Glob(filepath.Join(dir, staging(component)+"*"))
	if err != nil {
		return err
	}
	for _, folder := range left {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

// prune removes old builds of a component.
func prune(dir, component, current string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	type candidate struct {
		path string
		time time.Time
	}
	var old []candidate
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if path != current && isBuildOf(component, entry.Name()) {
			old = append(old, candidate{path, info.ModTime()})
		}
	}
	sort.Slice(old, func(i, j int) bool { return old[i].time.After(old[j].time) })
	for i, candidate := range old {
		if i >= keep-1 {
			if err := os.RemoveAll(candidate.path); err != nil {
				return err
			}
		}
	}
	return nil
}

func isBuildOf(component, entry string) bool {
	key, found := strings.CutPrefix(entry, component+"-")
	return found && len(key) == 16 && !strings.ContainsAny(key, ".-")
}

//go:build linux

// Package cluster brings a cluster up, takes it down, and finds its way around a
// running one. It puts the other packages together and is the only one that starts
// and ends processes.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/cgroup"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/packages"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// Cluster is the one cluster of this machine, up or not.
type Cluster struct {
	Dir      state.Dir
	CacheDir string
	groups   cgroup.Hierarchies
	progress io.Writer
	started  time.Time
}

// Open finds the cluster's place. Progress lines go to progress.
func Open(progress io.Writer) (*Cluster, error) {
	dir, err := state.Open()
	if err != nil {
		return nil, err
	}
	cache, err := build.DefaultDir()
	if err != nil {
		return nil, err
	}
	groups, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	return &Cluster{Dir: dir, CacheDir: cache, groups: groups, progress: progress, started: time.Now()}, nil
}

// say writes a progress line with the seconds since the start.
func (c *Cluster) say(format string, arguments ...any) {
	fmt.Fprintf(c.progress, "%5.1fs  %s\n", time.Since(c.started).Seconds(), fmt.Sprintf(format, arguments...))
}

// ErrNotRoot is returned by what needs the machine's administrator.
var ErrNotRoot = errors.New("namespaces and control groups need root: run it with sudo -E")

// RequireRoot returns ErrNotRoot to everybody else.
func RequireRoot() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	return nil
}

// lock makes sure that one process changes the cluster at a time. The lock is an
// abstract socket (unix(7)): it leaves no file, and ends with its process.
func lock(ctx context.Context, waiting func()) (io.Closer, error) {
	for told := false; ; told = true {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "unix", "@netlook-testcluster")
		if err == nil {
			return listener, nil
		}
		if !told {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *Cluster) lock(ctx context.Context) (io.Closer, error) {
	return lock(ctx, func() { c.say("another testcluster is at work, waiting") })
}

// InstallPackages installs what clusters of every kind need of the distribution, and
// the tests in network namespaces, which run before a cluster is up.
func (c *Cluster) InstallPackages(ctx context.Context) error {
	return packages.Ensure(ctx, packages.Tests, c.say)
}

// Build builds what is not in the cache yet.
func (c *Cluster) Build(ctx context.Context, options topology.Options) (build.Built, error) {
	cache, err := c.cache(options)
	if err != nil {
		return build.Built{}, err
	}
	return cache.Ensure(ctx)
}

func (c *Cluster) cache(options topology.Options) (build.Cache, error) {
	sources, err := build.FindSources()
	if err != nil {
		return build.Cache{}, err
	}
	return build.Cache{Dir: c.CacheDir, Sources: sources, CNI: options.CNI, Progress: c.say}, nil
}

// Bin is the folder with kubectl and its like: that of the running cluster, else
// the one just built.
func (c *Cluster) Bin(ctx context.Context) (string, error) {
	if record, err := c.Dir.Load(); err == nil {
		return build.Running(record.Cache, record.Components).Bin(), nil
	}
	cache, err := c.cache(topology.Defaults())
	if err != nil {
		return "", err
	}
	built, err := cache.Resolve(ctx)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(built.Bin()); err != nil {
		return "", fmt.Errorf("nothing is built yet: run testcluster build")
	}
	return built.Bin(), nil
}

// pathOf makes an archive's path absolute, for messages that stay true elsewhere.
func pathOf(file string) string {
	if absolute, err := filepath.Abs(file); err == nil {
		return absolute
	}
	return file
}

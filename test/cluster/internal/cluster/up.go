//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/kernel"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/kube"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/manifests"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/outside"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/packages"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

const (
	// startDeadline bounds the time from the first process to a cluster that
	// answers: many times what it takes on two busy processors.
	startDeadline = 3 * time.Minute
	pollEvery     = 100 * time.Millisecond
)

// Up brings up a cluster with these options. One that is up with the same options
// and healthy is kept; any other is taken down first. A cluster that does not come
// up, or whose start is cancelled, is taken down again.
func (c *Cluster) Up(ctx context.Context, options topology.Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	if err := RequireRoot(); err != nil {
		if names := packages.Missing(options.CNI); len(names) > 0 {
			return fmt.Errorf("%w; missing packages, by their Debian names: %s", err, strings.Join(names, " "))
		}
		return err
	}
	locked, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer locked.Close()
	cache, err := c.cache(options)
	if err != nil {
		return err
	}
	wanted, err := cache.Resolve(ctx)
	if err != nil {
		return err
	}
	if reason := c.differs(ctx, options, wanted); reason == "" {
		c.say("already up and healthy: %s", options)
		return nil
	} else if reason != state.ErrNone.Error() {
		c.say("starting anew: %s", reason)
	}
	if err := underlay.Free(options.Dual()); err != nil {
		return err
	}
	if err := packages.Ensure(ctx, options.CNI, c.say); err != nil {
		return err
	}
	if err := kernel.Ensure(ctx); err != nil {
		return err
	}
	built, err := cache.Ensure(ctx)
	if err != nil {
		return err
	}
	if err := c.down(); err != nil {
		return err
	}
	if err := c.bringUp(ctx, options, built); err != nil {
		if ctx.Err() == nil { // interrupted needs no explanation
			c.explain(err)
		}
		c.say("taking down what was started")
		if failed := c.down(); failed != nil { // not ctx: that may be what ended it
			return fmt.Errorf("%w; and then, taking it down: %w", err, failed)
		}
		return err
	}
	c.say("up: export KUBECONFIG=%s PATH=%s:$PATH", c.Dir.Kubeconfig(), built.Bin())
	return nil
}

// differs says why the running cluster will not do; empty if it will.
func (c *Cluster) differs(ctx context.Context, options topology.Options, wanted build.Built) string {
	record, err := c.Dir.Load()
	switch {
	case err != nil:
		return err.Error()
	case !record.Ready:
		return "the last start did not come to its end"
	case !record.Options.Equal(options):
		return "it is up with " + record.Options.String()
	case record.Setup != wanted.Setup:
		return "testcluster has changed since"
	}
	for name, key := range wanted.Keys {
		if record.Components[name] != key {
			return name + " has changed"
		}
	}
	if problems := c.Health(ctx, record); len(problems) > 0 {
		return problems[0]
	}
	return ""
}

// launch is one run of bringUp.
type launch struct {
	*Cluster
	options topology.Options
	built   build.Built
	client  *kube.Client
	fail    func(error) // ends the launch with a reason
}

func (c *Cluster) bringUp(parent context.Context, options topology.Options, built build.Built) error {
	limited, stop := context.WithTimeoutCause(parent, startDeadline,
		fmt.Errorf("not up after %s", startDeadline))
	defer stop()
	ctx, cancel := context.WithCancelCause(limited)
	defer cancel(nil)
	l := &launch{Cluster: c, options: options, built: built, fail: cancel}
	if err := l.files(); err != nil {
		return err
	}
	if err := underlay.Create(options); err != nil {
		return err
	}
	client, err := kube.New(options.APIServer(), c.Dir.PKI())
	if err != nil {
		return err
	}
	l.client = client
	c.say("files, keys and wires are made")
	if err := l.processes(ctx); err != nil {
		// A daemon's death explains more than the timeout it caused.
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			return cause
		}
		return err
	}
	record := l.record()
	record.Ready = true
	return c.Dir.Save(record)
}

func (l *launch) record() state.Record {
	return state.Record{Options: l.options, Components: l.built.Keys, Cache: l.CacheDir, Setup: l.built.Setup}
}

// files writes everything that daemons read.
func (l *launch) files() error {
	if err := l.Dir.Create(); err != nil {
		return err
	}
	// From here on status and down can tell what this is, finished or not.
	if err := l.Dir.Save(l.record()); err != nil {
		return err
	}
	if err := pki.WriteCluster(l.Dir.PKI(), l.options, time.Now()); err != nil {
		return fmt.Errorf("make keys and certificates: %w", err)
	}
	users := map[string]string{l.Dir.Kubeconfig(): pki.Admin}
	for _, name := range []string{pki.Controllers, pki.Scheduler, pki.Proxy, pki.Flannel, pki.Cilium} {
		users[l.Dir.ComponentKubeconfig(name)] = name
	}
	for _, member := range l.options.Members() {
		name := pki.Kubelet(member.Name)
		users[l.Dir.ComponentKubeconfig(name)] = name
	}
	for file, name := range users {
		if err := pki.WriteKubeconfig(file, l.Dir.PKI(), name, l.options.APIServer()); err != nil {
			return err
		}
	}
	rendered, err := manifests.Render(l.options)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.Dir.Path("manifests.yaml"), rendered, 0o644); err != nil {
		return err
	}
	corefile := outside.Corefile(l.options.Dual())
	if err := os.WriteFile(l.Dir.Path("outside.Corefile"), []byte(corefile), 0o644); err != nil {
		return err
	}
	for i, member := range l.options.Members() {
		if err := l.nodeFiles(member, i == 0); err != nil {
			return fmt.Errorf("write the files of node %s: %w", member.Name, err)
		}
	}
	return nil
}

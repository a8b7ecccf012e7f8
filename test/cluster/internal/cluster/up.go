//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/controlplane"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
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
		return err
	}
	locked, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer locked.Close()
	cache, err := c.cache()
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
	if err := packages.Ensure(ctx, c.say); err != nil {
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
		// Not ctx: that may be what ended it.
		c.say("taking down what was started")
		return errors.Join(err, c.down())
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
		fmt.Errorf("not up after %s; the logs were in %s", startDeadline, c.Dir.Path("logs")))
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
	record := state.Record{Options: options, Components: built.Keys, Ready: true}
	return c.Dir.Save(record)
}

// files writes everything that daemons read.
func (l *launch) files() error {
	if err := l.Dir.Create(); err != nil {
		return err
	}
	// From here on status and down can tell what this is, finished or not.
	if err := l.Dir.Save(state.Record{Options: l.options, Components: l.built.Keys}); err != nil {
		return err
	}
	if err := pki.WriteCluster(l.Dir.PKI(), l.options, time.Now()); err != nil {
		return fmt.Errorf("make keys and certificates: %w", err)
	}
	users := map[string]string{l.Dir.Kubeconfig(): pki.Admin}
	for _, name := range []string{pki.Controllers, pki.Scheduler, pki.Proxy, pki.Flannel} {
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

// processes starts all daemons, as concurrently as their needs allow, and waits
// until the cluster does its work.
func (l *launch) processes(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.outsideWorld(ctx) })
	first := make(chan struct{})   // the first node can be entered
	serving := make(chan struct{}) // the API server is ready
	for i, member := range l.options.Members() {
		group.Go(func() error {
			if err := l.holdNode(ctx, member); err != nil {
				return err
			}
			if i == 0 {
				close(first)
			}
			return l.node(ctx, member, serving)
		})
	}
	group.Go(func() error {
		if !wait(ctx, first) {
			return context.Cause(ctx)
		}
		if err := l.apiServer(ctx); err != nil {
			return err
		}
		l.say("API server is ready")
		close(serving)
		return l.controllers(ctx)
	})
	group.Go(func() error {
		if !wait(ctx, serving) {
			return context.Cause(ctx)
		}
		return l.applyManifests(ctx)
	})
	group.Go(func() error {
		if !wait(ctx, serving) {
			return context.Cause(ctx)
		}
		return l.awaitReady(ctx)
	})
	return group.Wait()
}

func wait(ctx context.Context, event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *launch) outsideWorld(ctx context.Context) error {
	for name, argv := range map[string][]string{
		"dns": outside.DNS(l.Dir.Path("outside.Corefile")),
		"web": outside.Web(),
	} {
		component := build.CoreDNS
		if name == "web" {
			component = build.App
		}
		argv[0] = l.built.Program(component, argv[0])
		spec := enter.Spec{Net: underlay.Path(topology.Router), Argv: argv}
		if err := l.start(ctx, daemon{member: topology.Router, name: name, spec: spec}, l.fail); err != nil {
			return err
		}
	}
	return nil
}

// kubernetes starts a program of Kubernetes on a node.
func (l *launch) kubernetes(ctx context.Context, member string, argv []string) error {
	spec, err := l.Cluster.node(member)
	if err != nil {
		return err
	}
	name := argv[0]
	spec.Argv = append([]string{l.built.Program(build.Kubernetes, name)}, argv[1:]...)
	return l.start(ctx, daemon{member: member, name: name, spec: spec}, l.fail)
}

func (l *launch) apiServer(ctx context.Context) error {
	home := l.options.Nodes[0]
	if err := l.kubernetes(ctx, home, controlplane.Etcd(l.Dir)); err != nil {
		return err
	}
	// It retries until etcd answers.
	if err := l.kubernetes(ctx, home, controlplane.APIServer(l.Dir, l.options)); err != nil {
		return err
	}
	if err := poll(ctx, pollEvery, l.client.ServerReady); err != nil {
		return fmt.Errorf("wait for the API server: %w\n%s", err, l.logTail(home, "kube-apiserver"))
	}
	return nil
}

func (l *launch) controllers(ctx context.Context) error {
	home := l.options.Nodes[0]
	if err := l.kubernetes(ctx, home, controlplane.ControllerManager(l.Dir, l.options)); err != nil {
		return err
	}
	return l.kubernetes(ctx, home, controlplane.Scheduler(l.Dir))
}

func (l *launch) kubectl(ctx context.Context, arguments ...string) error {
	argv := append([]string{
		l.built.Program(build.Kubernetes, "kubectl"), "--kubeconfig", l.Dir.Kubeconfig(),
		"--cache-dir", l.Dir.Path("kubectl-cache"),
	}, arguments...)
	return run(ctx, enter.Spec{Argv: argv}, nil)
}

func (l *launch) applyManifests(ctx context.Context) error {
	// Nothing is there to be kept, so create; and the server validates anyway.
	if err := l.kubectl(ctx, "create", "--validate=false", "-f", l.Dir.Path("manifests.yaml")); err != nil {
		return fmt.Errorf("create the cluster's first objects: %w", err)
	}
	l.say("CoreDNS and the components' rights are created")
	return nil
}

// awaitReady returns when every node is ready, CoreDNS is available, and the API
// server answers from the last node through its Service.
func (l *launch) awaitReady(ctx context.Context) error {
	err := poll(ctx, pollEvery, func(ctx context.Context) error { return l.nodesReady(ctx, l.options) })
	if err != nil {
		return fmt.Errorf("wait for nodes: %w", err)
	}
	l.say("nodes are ready: %s", strings.Join(l.options.Nodes, ", "))
	if err := l.kubectl(ctx, "label", "node", l.options.Nodes[0], "node-role.kubernetes.io/control-plane="); err != nil {
		return fmt.Errorf("label node %s: %w", l.options.Nodes[0], err)
	}
	if err := poll(ctx, pollEvery, l.client.DNSReady); err != nil {
		return fmt.Errorf("wait for CoreDNS: %w", err)
	}
	l.say("CoreDNS is available")
	if err := poll(ctx, pollEvery, l.serviceAnswers); err != nil {
		return fmt.Errorf("wait for the API server's Service: %w", err)
	}
	l.say("the API server answers through its Service")
	return nil
}

func (l *launch) serviceAnswers(ctx context.Context) error {
	last := l.options.Nodes[len(l.options.Nodes)-1]
	spec, err := l.Cluster.node(last)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	spec.Cgroup = last + "/exec"
	spec.Argv = []string{self, GetCommand, "https://" + topology.APIServiceIP, string(l.Dir.PKI())}
	return run(ctx, spec, nil)
}

// GetCommand is the hidden command of testcluster that reads /readyz from a server,
// in the namespace it is run in, with the keys in a folder.
const GetCommand = "internal-ready"

// Get is GetCommand.
func Get(ctx context.Context, server, folder string) error {
	client, err := kube.New(server, filepath.Clean(folder))
	if err != nil {
		return err
	}
	return client.ServerReady(ctx)
}

//go:build linux

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/controlplane"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/kube"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/outside"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

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
		// The web server answers its host name, which should not be this machine's.
		spec := enter.Spec{Net: underlay.Path(topology.Router), Private: true, Host: "outside", Argv: argv}
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
	if err := poll(ctx, l.client.ServerReady); err != nil {
		return fmt.Errorf("wait for the API server: %w", blame(home, "kube-apiserver", err))
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
	err := poll(ctx, func(ctx context.Context) error { return l.nodesReady(ctx, l.options) })
	if err != nil {
		return fmt.Errorf("wait for nodes: %w", blame(l.options.Nodes[0], "kubelet", err))
	}
	l.say("nodes are ready: %s", strings.Join(l.options.Nodes, ", "))
	if err := l.kubectl(ctx, "label", "node", l.options.Nodes[0], "node-role.kubernetes.io/control-plane="); err != nil {
		return fmt.Errorf("label node %s: %w", l.options.Nodes[0], err)
	}
	if err := poll(ctx, l.client.DNSReady); err != nil {
		return fmt.Errorf("wait for CoreDNS: %w", blame(l.options.Nodes[0], "kubelet", err))
	}
	l.say("CoreDNS is available")
	if err := poll(ctx, l.serviceAnswers); err != nil {
		last := l.options.Nodes[len(l.options.Nodes)-1]
		return fmt.Errorf("wait for the API server's Service: %w", blame(last, "kube-proxy", err))
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
	spec.Argv = []string{self, GetCommand, "https://" + topology.APIServiceIP, l.Dir.PKI()}
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

//go:build linux

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/node"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/packages"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// ciliumPlugins makes the folder of CNI plugins that a node with Cilium uses: the
// distribution's, and Cilium's beside them. containerd looks in one folder only.
func (l *launch) ciliumPlugins(member topology.Node, distribution string) (string, error) {
	folder := l.Dir.Node(member.Name, "cni-bin")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(distribution)
	if err != nil {
		return "", err
	}
	links := map[string]string{"cilium-cni": l.built.Program(build.Cilium, "cilium-cni")}
	for _, entry := range entries {
		links[entry.Name()] = filepath.Join(distribution, entry.Name())
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// cilium starts a node's agent and, once that is ready for pods, tells containerd. The
// first node also runs the operator, which makes the resource definitions that agents
// wait for.
func (l *launch) cilium(ctx context.Context, member topology.Node) error {
	kubeconfig := l.Dir.ComponentKubeconfig(pki.Cilium)
	daemons := map[string][]string{"cilium-agent": node.CiliumAgent(kubeconfig, l.built.Folder(build.Cilium))}
	if member.Name == l.options.Nodes[0] {
		daemons["cilium-operator"] = node.CiliumOperator(kubeconfig)
	}
	for name, argv := range daemons {
		spec, err := l.Cluster.node(member.Name)
		if err != nil {
			return err
		}
		spec.Env = []string{
			"K8S_NODE_NAME=" + member.Name,
			"PATH=" + packages.LLVM + string(filepath.ListSeparator) + os.Getenv("PATH"),
		}
		spec.Argv = append([]string{l.built.Program(build.Cilium, name)}, argv...)
		if err := l.start(ctx, daemon{member: member.Name, name: name, spec: spec}, l.fail); err != nil {
			return err
		}
	}
	file := l.Dir.Node(member.Name, "cni", node.CiliumConflist)
	var config []byte
	if err := poll(ctx, func(context.Context) (err error) {
		config, err = os.ReadFile(file)
		return err
	}); err != nil {
		return fmt.Errorf("wait for the Cilium agent: %w", blame(member.Name, "cilium-agent", err))
	}
	// Again, because the agent renamed it into place, which containerd 1.6 overlooks.
	return os.WriteFile(file, config, 0o644)
}

// networkDaemon is what each node runs for its pods' network.
func networkDaemon(options topology.Options) string {
	if options.CNI == topology.Cilium {
		return "cilium-agent"
	}
	return "flannel"
}

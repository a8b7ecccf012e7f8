//go:build linux

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/node"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/packages"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

const (
	containerdFile = "containerd.toml"
	kubeletFile    = "kubelet.yaml"
	proxyFile      = "kube-proxy.yaml"
	flannelFile    = "flannel.json"
	cniFile        = "10-flannel.conflist"
)

// nodeFiles writes what the daemons of one node read.
func (l *launch) nodeFiles(member topology.Node, first bool) error {
	for folder := range node.Folders() {
		if err := os.MkdirAll(l.Dir.Node(member.Name, folder), 0o755); err != nil {
			return err
		}
	}
	plugins, err := packages.CNIFolder()
	if err != nil {
		return err
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	if l.options.CNI == topology.Cilium {
		if plugins, err = l.ciliumPlugins(member, plugins); err != nil {
			return err
		}
	}
	restricted, err := lacksSysResource()
	if err != nil {
		return err
	}
	kubelet, err := node.KubeletConfig(member, l.Dir.PKI())
	if err != nil {
		return err
	}
	proxy, err := node.ProxyConfig(l.options, member, l.Dir.ComponentKubeconfig(pki.Proxy))
	if err != nil {
		return err
	}
	flannel, err := node.FlannelConfig(l.options)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		containerdFile: []byte(node.ContainerdConfig(node.ContainerdOptions{
			PauseImage: build.PauseImage, CNIBin: plugins, Runc: runc, RestrictOOM: restricted,
		})),
		kubeletFile: kubelet,
		proxyFile:   proxy,
		flannelFile: flannel,
	}
	if first {
		pod, err := node.StaticPod(build.AppImage)
		if err != nil {
			return err
		}
		files[filepath.Join("manifests", "static-app.yaml")] = pod
	}
	for name, content := range files {
		if err := os.WriteFile(l.Dir.Node(member.Name, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lacksSysResource tells whether CAP_SYS_RESOURCE is missing, see capabilities(7).
func lacksSysResource() (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, fmt.Errorf("read this process's capabilities: %w", err)
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) == 0, nil
}

// holdNode starts the process that holds a node's namespaces, and waits until it
// has prepared them.
func (l *launch) holdNode(ctx context.Context, member topology.Node) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	setup, err := json.Marshal(node.Setup{
		Name: member.Name,
		Dir:  l.Dir.Node(member.Name),
		// This program too: a checkout may lie where nodes have something of their
		// own, such as /var/lib/jenkins.
		Keep: []string{string(l.Dir), l.CacheDir, filepath.Dir(self)},
		DNS:  topology.OutsideIP,
		Dual: l.options.Dual(),
		BPF:  l.options.CNI == topology.Cilium,
	})
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	err = l.start(ctx, daemon{
		member: member.Name,
		name:   initDaemon,
		spec:   enter.Spec{Net: underlay.Path(member.Name), Private: true, Argv: []string{self, node.Command, string(setup)}},
		stdout: writer,
	}, l.fail)
	writer.Close() // so that the end of the process is the end of the stream
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = reader.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil || line != node.Ready {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return blame(member.Name, initDaemon, fmt.Errorf("node %s was not prepared: %w", member.Name, err))
	}
	return nil
}

// node runs one node: first what needs no API server, then the rest.
func (l *launch) node(ctx context.Context, member topology.Node, serving <-chan struct{}) error {
	if err := l.containerd(ctx, member); err != nil {
		return fmt.Errorf("node %s: %w", member.Name, err)
	}
	if !wait(ctx, serving) {
		return context.Cause(ctx)
	}
	file := func(name string) string { return l.Dir.Node(member.Name, name) }
	kubelet := []string{
		"kubelet",
		"--config", file(kubeletFile),
		"--kubeconfig", l.Dir.ComponentKubeconfig(pki.Kubelet(member.Name)),
		"--node-ip", joinAddresses(member),
	}
	proxy := []string{"kube-proxy", "--config", file(proxyFile)}
	for _, argv := range [][]string{kubelet, proxy} {
		if err := l.kubernetes(ctx, member.Name, argv); err != nil {
			return err
		}
	}
	network := l.flannel
	if l.options.CNI == topology.Cilium {
		network = l.cilium
	}
	if err := network(ctx, member); err != nil {
		return fmt.Errorf("node %s: %w", member.Name, err)
	}
	return nil
}

func joinAddresses(member topology.Node) string {
	var addresses []string
	for _, address := range member.Addresses() {
		addresses = append(addresses, address.String())
	}
	return strings.Join(addresses, ",")
}

// containerd starts a node's containerd and loads the images into it.
func (l *launch) containerd(ctx context.Context, member topology.Node) error {
	spec, err := l.Cluster.node(member.Name)
	if err != nil {
		return err
	}
	spec.Argv = []string{"containerd", "--config", l.Dir.Node(member.Name, containerdFile)}
	if err := l.start(ctx, daemon{member: member.Name, name: "containerd", spec: spec}, l.fail); err != nil {
		return err
	}
	if err := poll(ctx, func(ctx context.Context) error {
		return l.ctr(ctx, member.Name, nil, "version")
	}); err != nil {
		return fmt.Errorf("wait for containerd: %w", blame(member.Name, "containerd", err))
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, tar := range l.built.ImageTars() {
		group.Go(func() error { return l.importImage(ctx, member.Name, tar) })
	}
	return group.Wait()
}

// flannel starts a node's flannel and, once that knows the node's subnet, tells
// containerd of it.
func (l *launch) flannel(ctx context.Context, member topology.Node) error {
	spec, err := l.Cluster.node(member.Name)
	if err != nil {
		return err
	}
	spec.Argv = []string{
		l.built.Program(build.Flannel, "flannel"),
		"--kubeconfig", l.Dir.ComponentKubeconfig(pki.Flannel),
		"--net-conf", l.Dir.Node(member.Name, flannelFile),
		"--node", member.Name,
	}
	if err := l.start(ctx, daemon{member: member.Name, name: "flannel", spec: spec}, l.fail); err != nil {
		return err
	}
	var config []byte
	if err := poll(ctx, func(context.Context) error {
		subnet, err := os.ReadFile(l.Dir.Node(member.Name, "flannel", "subnet.env"))
		if err != nil {
			return err
		}
		config, err = node.CNIConfig(string(subnet))
		return err
	}); err != nil {
		return fmt.Errorf("wait for flannel: %w", blame(member.Name, "flannel", err))
	}
	// Written in one go, not renamed into place: containerd 1.6 looks again at the
	// event of a write, and not at that of a file that appears.
	return os.WriteFile(l.Dir.Node(member.Name, "cni", cniFile), config, 0o644)
}

// ctr runs containerd's client on a node.
func (c *Cluster) ctr(ctx context.Context, member string, stdin *os.File, arguments ...string) error {
	spec, err := c.node(member)
	if err != nil {
		return err
	}
	spec.Cgroup = member + "/exec"
	spec.Argv = append([]string{"ctr", "--address", node.ContainerdSocket, "--namespace", "k8s.io"}, arguments...)
	if stdin == nil {
		return run(ctx, spec, nil)
	}
	return run(ctx, spec, stdin)
}

func (c *Cluster) importImage(ctx context.Context, member, tar string) error {
	// By standard input: the path may not exist in the node's view.
	file, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.ctr(ctx, member, file, "images", "import", "-"); err != nil {
		return fmt.Errorf("load %s into node %s: %w", pathOf(tar), member, err)
	}
	return nil
}

// Load loads image archives into every node, all nodes at once.
func (c *Cluster) Load(ctx context.Context, tars []string) error {
	if err := RequireRoot(); err != nil {
		return err
	}
	record, err := c.Dir.Load()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, member := range record.Options.Nodes {
		group.Go(func() error {
			for _, tar := range tars {
				if err := c.importImage(ctx, member, tar); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cgroup"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/enter"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/kube"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

// initDaemon is the first process of a node: it holds the node's namespaces.
const initDaemon = "init"

// node gives the way into a node, by the process that holds its namespaces.
func (c *Cluster) node(name string) (enter.Spec, error) {
	pids, err := c.groups.PIDs(name + "/" + initDaemon)
	if err != nil {
		return enter.Spec{}, err
	}
	if len(pids) == 0 {
		return enter.Spec{}, fmt.Errorf("node %s does not run: see testcluster status", name)
	}
	namespace := func(kind string) string { return fmt.Sprintf("/proc/%d/ns/%s", pids[0], kind) }
	return enter.Spec{Net: namespace("net"), Mount: namespace("mnt"), UTS: namespace("uts")}, nil
}

// ExecNode becomes a command in a node, or in the router's network namespace. It
// returns only on failure.
func (c *Cluster) ExecNode(name string, argv []string) error {
	record, err := c.Dir.Load()
	if err != nil {
		return err
	}
	var spec enter.Spec
	switch {
	case name == topology.Router || name == topology.Underlay:
		spec = enter.Spec{Net: underlay.Path(name), Private: true, Sysfs: true}
	case slices.Contains(record.Options.Nodes, name):
		if spec, err = c.node(name); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no node %q: there are %s, and %s and %s", name,
			strings.Join(record.Options.Nodes, ", "), topology.Router, topology.Underlay)
	}
	spec.Cgroup = name + "/exec"
	spec.Argv = argv
	return enter.Exec(spec)
}

// ExecPod becomes a command in a pod's network namespace, with the files of its
// node, and the pod's own resolv.conf. It returns only on failure.
func (c *Cluster) ExecPod(ctx context.Context, reference string, argv []string) error {
	namespace, name, found := strings.Cut(reference, "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("pod %q: write NAMESPACE/POD", reference)
	}
	record, err := c.Dir.Load()
	if err != nil {
		return err
	}
	client, err := kube.New(record.Options.APIServer(), c.Dir.PKI())
	if err != nil {
		return err
	}
	pod, err := client.Pod(ctx, namespace, name)
	if err != nil {
		return fmt.Errorf("look up pod %s: %w", reference, err)
	}
	pid, err := c.podProcess(pod)
	if err != nil {
		return fmt.Errorf("find a process of pod %s: %w", reference, err)
	}
	spec, err := c.node(pod.Node)
	if err != nil {
		return err
	}
	spec.Net = fmt.Sprintf("/proc/%d/ns/net", pid)
	spec.UTS = fmt.Sprintf("/proc/%d/ns/uts", pid)
	spec.Private, spec.Sysfs = true, true
	// Of any container; an image without /etc has it too, kubelet mounts it.
	if resolv, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/etc/resolv.conf", pid)); err == nil {
		spec.Resolv = string(resolv)
	}
	spec.Cgroup = pod.Node + "/exec"
	spec.Argv = argv
	return enter.Exec(spec)
}

// podProcess finds a process of the pod by its control group, which kubelet names
// after the pod's UID.
func (c *Cluster) podProcess(pod kube.Pod) (int, error) {
	if pod.Node == "" {
		return 0, errors.New("it is not scheduled yet")
	}
	top := filepath.Join(c.groups.Roots[0], cgroup.Root, pod.Node, "kubepods")
	wanted := "pod" + pod.UID
	var pids []int
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() != wanted {
			return err
		}
		group, err := filepath.Rel(filepath.Join(c.groups.Roots[0], cgroup.Root), path)
		if err != nil {
			return err
		}
		if pids, err = c.groups.PIDs(group); err != nil {
			return err
		}
		return fs.SkipAll
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if len(pids) == 0 {
		return 0, fmt.Errorf("it has none on node %s (phase %s)", pod.Node, pod.Phase)
	}
	return pids[0], nil
}

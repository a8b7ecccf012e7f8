//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/kube"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/state"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// healthTimeout bounds what asking a running cluster may take.
const healthTimeout = 5 * time.Second

// daemonsOf lists the daemons of each member.
func daemonsOf(options topology.Options) map[string][]string {
	daemons := map[string][]string{topology.Router: {"dns", "web"}}
	for i, node := range options.Nodes {
		list := []string{initDaemon, "containerd", "kubelet", "kube-proxy", networkDaemon(options)}
		if i == 0 {
			list = append(list, "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
			if options.CNI == topology.Cilium {
				list = append(list, "cilium-operator")
			}
		}
		daemons[node] = list
	}
	return daemons
}

// Health lists what is wrong with a cluster; nothing if it is well.
func (c *Cluster) Health(ctx context.Context, record state.Record) []string {
	var problems []string
	for member, daemons := range daemonsOf(record.Options) {
		for _, name := range daemons {
			pids, err := c.groups.PIDs(member + "/" + name)
			if err != nil || len(pids) == 0 {
				problems = append(problems, fmt.Sprintf("%s of %s does not run", name, member))
			}
		}
	}
	sort.Strings(problems)
	client, err := kube.New(record.Options.APIServer(), c.Dir.PKI())
	if err != nil {
		return append(problems, err.Error())
	}
	ctx, stop := context.WithTimeout(ctx, healthTimeout)
	defer stop()
	if err := client.ServerReady(ctx); err != nil {
		return append(problems, "the API server is not ready: "+err.Error())
	}
	l := launch{Cluster: c, client: client}
	if err := l.nodesReady(ctx, record.Options); err != nil {
		problems = append(problems, err.Error())
	}
	if err := client.DNSReady(ctx); err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

func (l *launch) nodesReady(ctx context.Context, options topology.Options) error {
	ready, err := l.client.NodesReady(ctx)
	if err != nil {
		return err
	}
	var not []string
	for _, node := range options.Nodes {
		if !ready[node] {
			not = append(not, node)
		}
	}
	if len(not) > 0 {
		return fmt.Errorf("not ready: %s", strings.Join(not, ", "))
	}
	return nil
}

// ErrUnhealthy is returned by Status after it has printed what is wrong.
var ErrUnhealthy = errors.New("the cluster is not healthy: testcluster up starts it anew")

// Status prints what is up and how it is.
func (c *Cluster) Status(ctx context.Context, out io.Writer) error {
	record, err := c.Dir.Load()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "options     %s\n", record.Options)
	fmt.Fprintf(out, "API server  %s\n", record.Options.APIServer())
	fmt.Fprintf(out, "kubeconfig  %s\n", c.Dir.Kubeconfig())
	fmt.Fprintf(out, "logs        %s\n", c.Dir.Path("logs"))
	for _, node := range record.Options.Members() {
		fmt.Fprintf(out, "node        %-10s %s\n", node.Name, joinAddresses(node))
	}
	fmt.Fprintf(out, "router      %-10s %s, outside world %s\n", "", topology.RouterIP, topology.OutsideIP)
	problems := c.Health(ctx, record)
	for _, problem := range problems {
		fmt.Fprintf(out, "problem     %s\n", problem)
	}
	if len(problems) > 0 {
		return ErrUnhealthy
	}
	fmt.Fprintln(out, "healthy")
	return nil
}

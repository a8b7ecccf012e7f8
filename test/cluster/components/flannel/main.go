// Command flannel is the flannel daemon with only the vxlan and host-gw backends.
// It exists because the main package of the flannel module needs modules of clouds
// that the test cluster has no use for; the packages it is made of do not.
//
// One instance runs on each node, in the node's network namespace. It waits until
// the controller manager has given the node its pod CIDR, sets up the backend, and
// writes the subnet file last: that file means "pods may start".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/lease"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// annotationPrefix is what flannel itself uses, so that tools that read the
	// VTEP annotations of nodes find them.
	annotationPrefix = "flannel.alpha.coreos.com"

	podCIDRPoll          = 200 * time.Millisecond
	iptablesResyncPeriod = 5 // seconds, flannel's default
)

type options struct {
	kubeconfig string
	netConf    string
	node       string
	iface      string
	subnetFile string
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of flannel's own user")
	flag.StringVar(&o.netConf, "net-conf", "", "file with flannel's network configuration (JSON)")
	flag.StringVar(&o.node, "node", "", "name of the node this daemon serves")
	flag.StringVar(&o.iface, "iface", "eth0", "interface that carries traffic between nodes")
	flag.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "written when the network is ready")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if err := waitForPodCIDR(ctx, o.kubeconfig, o.node); err != nil {
		return err
	}
	// The library takes the node's name from the environment only.
	if err := os.Setenv("NODE_NAME", o.node); err != nil {
		return err
	}
	manager, err := kube.NewSubnetManager(ctx, "", o.kubeconfig, annotationPrefix, o.netConf, true)
	if err != nil {
		return fmt.Errorf("start the subnet manager: %w", err)
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return fmt.Errorf("read the network configuration %s: %w", o.netConf, err)
	}
	var running sync.WaitGroup
	network, err := register(ctx, &running, manager, config, o.iface)
	if err != nil {
		return err
	}
	if err := setUpRules(ctx, config, network.Lease()); err != nil {
		return err
	}
	held := network.Lease()
	if err := manager.HandleSubnetFile(o.subnetFile, config, true, held.Subnet, held.IPv6Subnet, network.MTU()); err != nil {
		return fmt.Errorf("write %s: %w", o.subnetFile, err)
	}
	running.Go(func() { network.Run(ctx) })
	if err := manager.CompleteLease(ctx, held, &running); err != nil {
		return fmt.Errorf("complete the lease of node %s: %w", o.node, err)
	}
	<-ctx.Done()
	running.Wait()
	return nil
}

// waitForPodCIDR returns when node exists and has a pod CIDR. Before that, taking
// a lease fails, and flannel's own answer is to die and be restarted.
func waitForPodCIDR(ctx context.Context, kubeconfig, node string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client from %s: %w", kubeconfig, err)
	}
	tick := time.NewTicker(podCIDRPoll)
	defer tick.Stop()
	for reported := ""; ; {
		found, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		state := "waiting for its pod CIDR"
		switch {
		case err != nil:
			state = err.Error()
		case found.Spec.PodCIDR != "":
			return nil
		}
		if state != reported {
			fmt.Fprintf(os.Stderr, "node %s: %s\n", node, state)
			reported = state
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// register takes the lease and creates the backend's device or routes.
func register(ctx context.Context, running *sync.WaitGroup, manager subnet.Manager, config *subnet.Config, iface string) (backend.Network, error) {
	family, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return nil, err
	}
	external, err := ipmatch.LookupExtIface(iface, "", "", family, ipmatch.PublicIPOpts{})
	if err != nil {
		return nil, fmt.Errorf("look up interface %s: %w", iface, err)
	}
	chosen, err := backend.NewManager(ctx, manager, external).GetBackend(config.BackendType)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", config.BackendType, err)
	}
	network, err := chosen.RegisterNetwork(ctx, running, config)
	if err != nil {
		return nil, fmt.Errorf("register with backend %s: %w", config.BackendType, err)
	}
	return network, nil
}

// setUpRules installs masquerading of what leaves the pod network, and acceptance
// of what is forwarded for it, and keeps both in place.
func setUpRules(ctx context.Context, config *subnet.Config, held *lease.Lease) error {
	manager := &iptables.IPTablesManager{}
	if err := manager.Init(ctx); err != nil {
		return fmt.Errorf("start the traffic manager: %w", err)
	}
	// A node's namespaces start empty, so there is never a previous network. The
	// library compares it all the same, and an IPv6 address is a pointer there.
	none := ip.IP6Net{IP: (*ip.IP6)(new(big.Int))}
	err := manager.SetupAndEnsureMasqRules(ctx,
		config.Network, ip.IP4Net{}, ip.IP4Net{},
		config.IPv6Network, none, none,
		held, iptablesResyncPeriod, false)
	if err != nil {
		return fmt.Errorf("set up masquerading: %w", err)
	}
	manager.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, iptablesResyncPeriod)
	return nil
}

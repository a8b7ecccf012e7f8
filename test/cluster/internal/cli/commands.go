//go:build linux

package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cluster"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// withCluster opens the cluster for a command's work.
func withCluster(work func(command *cobra.Command, c *cluster.Cluster, arguments []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		c, err := cluster.Open(command.ErrOrStderr())
		if err != nil {
			return err
		}
		return work(command, c, arguments)
	}
}

func upCommand() *cobra.Command {
	options := topology.Defaults()
	command := &cobra.Command{
		Use:   "up",
		Short: "Bring the cluster up, or keep the one that is up with the same options",
		Example: `  testcluster up
  testcluster up --nodes cp,w1 --backend host-gw
  testcluster up --proxy-mode nftables --ip-family dual
  testcluster up --nodes cp,w1 --cni cilium`,
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			if err := options.Validate(); err != nil {
				return usageError{err}
			}
			return c.Up(command.Context(), options)
		}),
	}
	flags := command.Flags()
	flags.StringSliceVar(&options.Nodes, "nodes", options.Nodes, "names of the nodes; the first carries the control plane")
	flags.StringVar(&options.CNI, "cni", options.CNI, "pod network: flannel or cilium")
	flags.StringVar(&options.Backend, "backend", options.Backend, "how flannel connects nodes: vxlan or host-gw")
	flags.StringVar(&options.ProxyMode, "proxy-mode", options.ProxyMode, "how kube-proxy writes its rules: iptables or nftables")
	flags.StringVar(&options.IPFamily, "ip-family", options.IPFamily, "ipv4 or dual")
	return command
}

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		Short:   "Take the cluster down and verify that nothing of it is left",
		Example: "  testcluster down",
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.Down(command.Context())
		}),
	}
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Print what is up; the exit status is 0 if it is healthy",
		Example: "  testcluster status",
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.Status(command.Context(), command.OutOrStdout())
		}),
	}
}

// entering describes a command that becomes another one.
func entering(use, short, example string, become func(command *cobra.Command, c *cluster.Cluster, where string, argv []string) error) *cobra.Command {
	command := &cobra.Command{
		Use: use, Short: short, Example: example,
		DisableFlagsInUseLine: true,
		Args:                  cobra.MinimumNArgs(2),
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, arguments []string) error {
			if err := cluster.RequireRoot(); err != nil {
				return err
			}
			where, argv := arguments[0], arguments[1:]
			if argv[0] == "--" { // kept by cobra, since flags end at the first argument
				argv = argv[1:]
			}
			if len(argv) == 0 {
				return usageError{fmt.Errorf("no command given; usage: %s", command.UseLine())}
			}
			return become(command, c, where, argv)
		}),
	}
	command.Flags().SetInterspersed(false) // what follows belongs to CMD
	return command
}

func execCommand() *cobra.Command {
	return entering("exec NODE -- CMD...",
		"Run a command in a node's network and mount namespaces (or in router, underlay)",
		`  testcluster exec w1 -- ip -d link show flannel.1
  testcluster exec cp -- sh -c 'iptables-save | head'
  testcluster exec router -- ip route`,
		func(_ *cobra.Command, c *cluster.Cluster, where string, argv []string) error {
			return c.ExecNode(where, argv)
		})
}

func execPodCommand() *cobra.Command {
	return entering("exec-pod NAMESPACE/POD -- CMD...",
		"Run a command of this machine in a pod's network namespace",
		`  testcluster exec-pod default/web-0 -- ss -ltn
  testcluster exec-pod kube-system/static-app-cp -- getent hosts kubernetes.default`,
		func(command *cobra.Command, c *cluster.Cluster, where string, argv []string) error {
			return c.ExecPod(command.Context(), where, argv)
		})
}

func loadCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "load IMAGE.tar...",
		Short:   "Load image archives into every node",
		Example: "  testcluster load bin/probe.tar",
		Args:    cobra.MinimumNArgs(1),
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, arguments []string) error {
			return c.Load(command.Context(), arguments)
		}),
	}
}

func restartCommand() *cobra.Command {
	var hard bool
	var pause time.Duration
	command := &cobra.Command{
		Use:   "restart NODE DAEMON",
		Short: "End a daemon, start it anew with the same arguments, and wait for the API server",
		Example: `  testcluster restart cp kube-apiserver
  testcluster restart --hard --pause 5s w1 kubelet`,
		Args: cobra.ExactArgs(2),
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, arguments []string) error {
			if err := cluster.RequireRoot(); err != nil {
				return err
			}
			return c.Restart(command.Context(), arguments[0], arguments[1], hard, pause)
		}),
	}
	command.Flags().BoolVar(&hard, "hard", false, "kill it, as a crash does, instead of asking it to end")
	command.Flags().DurationVar(&pause, "pause", 0, "how long it stays away")
	return command
}

func kubeconfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print the path of the administrator's kubeconfig",
		Example: "  export KUBECONFIG=$(testcluster kubeconfig)",
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			_, err := fmt.Fprintln(command.OutOrStdout(), c.Dir.Kubeconfig())
			return err
		}),
	}
}

func userCommand() *cobra.Command {
	var groups []string
	command := &cobra.Command{
		Use:   "user NAME",
		Short: "Write a kubeconfig for a user without rights and print its path",
		Example: `  testcluster user jane
  kubectl --kubeconfig $(testcluster user jane --group devs) get pods`,
		Args: cobra.ExactArgs(1),
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, arguments []string) error {
			file, err := c.User(arguments[0], groups)
			if errors.Is(err, cluster.ErrUserName) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), file)
			return err
		}),
	}
	command.Flags().StringArrayVar(&groups, "group", nil, "a group of the user's; may be repeated")
	return command
}

func binCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "bin",
		Short:   "Print the folder of kubectl and the other programs of the cluster",
		Example: "  export PATH=$(testcluster bin):$PATH",
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			folder, err := c.Bin(command.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), folder)
			return err
		}),
	}
}

func packagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "packages",
		Short:   "Install the Debian packages that the cluster and the project's tests need",
		Example: "  testcluster packages",
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.InstallPackages(command.Context())
		}),
	}
}

func buildCommand() *cobra.Command {
	options := topology.Defaults()
	command := &cobra.Command{
		Use:   "build",
		Short: "Build all components into the cache, without starting anything",
		Example: `  testcluster build
  testcluster build --cni cilium`,
		RunE: withCluster(func(command *cobra.Command, c *cluster.Cluster, _ []string) error {
			if err := options.Validate(); err != nil {
				return usageError{err}
			}
			_, err := c.Build(command.Context(), options)
			return err
		}),
	}
	command.Flags().StringVar(&options.CNI, "cni", options.CNI, "pod network: flannel or cilium")
	return command
}

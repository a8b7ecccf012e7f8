package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func (a *app) nodeCommand() *cobra.Command {
	flags := diagnoseFlags{Profile: nodeProfile}
	cmd := &cobra.Command{
		Use:     "node NAME [--to TARGET ...]",
		Aliases: []string{"nodes", "no"},
		Short:   "Diagnose a node's network, from the node itself",
		Long: longText(`
			Diagnose a node's network from the node itself: all that is checked from a pod,
			and the node's sysctls, conntrack table, links, routes, neighbours and tunnels
			against what the cluster says they should be.

			The probe is a pod on the node's network, with the capability NET_RAW and nothing
			else, with --deep NET_ADMIN too. It is deleted when the run ends; its namespace
			must allow host networking (Pod Security level privileged). 'kubectl netlook rbac
			--for node' prints the rights that this takes.`),
		Example: templates.Examples(`
			# Is this node's network all right?
			kubectl netlook node w1

			# Does it reach that service's endpoints? The probe runs in kube-system.
			kubectl netlook node w1 --to svc/payments -n shop --probe-namespace kube-system

			# Remove what an earlier run has left behind that was killed
			kubectl netlook cleanup -A`),
		Args: exactlyOne("node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diagnose(cmd, flags, func(b backend) (vantage, error) {
				t, err := ofKind(args[0], target.Node)
				if err != nil {
					return vantage{}, err
				}
				return vantage{kind: facts.VantageNode, namespace: cmp.Or(flags.Namespace, b.Namespace()), name: t.Name}, nil
			})
		},
	}
	flags.add(cmd, a.getenv)
	flags.addServices(cmd)
	flags.addNode(cmd)
	cmd.ValidArgsFunction = a.completeFirst(func(ctx context.Context, b backend, prefix string) ([]string, error) {
		return b.NodeNames(ctx, prefix)
	})
	a.completeTargets(cmd)
	return cmd
}

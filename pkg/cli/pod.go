package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func (a *app) podCommand() *cobra.Command {
	var flags diagnoseFlags
	cmd := &cobra.Command{
		Use:     "pod NAME|deploy/NAME [--to TARGET ...]",
		Aliases: []string{"pods", "po"},
		Short:   "Diagnose a pod's network, from inside the pod",
		Long: longText(`
			Diagnose a pod's network from inside the pod.

			A probe is added as an ephemeral container, without any privileges, and runs
			all checks at once: gateway, DNS, API server, and the targets. Without --to
			these are the services that select this pod, and every other pod behind them.

			An ephemeral container cannot be removed from a pod. So the probe waits for
			the next run (--keep-alive) and then ends, instead of adding one each time.

			It takes the right to patch pods/ephemeralcontainers, which few roles have:
			'kubectl netlook rbac --for pod' prints the Role. Without it the API alone is read.`),
		Example: templates.Examples(`
			# Is this pod's network all right?
			kubectl netlook pod web-0

			# And that of a pod of this Deployment, whichever runs?
			kubectl netlook pod deploy/checkout -n shop

			# Why does it not reach that service? Each endpoint is tried.
			kubectl netlook pod checkout-7d9f -n shop --to svc/payments --to https://example.com

			# Which services of its namespace does it reach? A line for each.
			kubectl netlook pod checkout-7d9f -n shop --to-all-services

			# What does the API alone say? Nothing is put into the pod.
			kubectl netlook pod web-0 --no-inject`),
		Args: exactlyOne("pod"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diagnose(cmd, flags, func(b backend) (vantage, error) { return podVantage(args[0], b.Namespace(), *a.kube.Namespace) })
		},
	}
	flags.add(cmd, a.getenv)
	flags.addServices(cmd)
	flags.addPod(cmd)
	cmd.ValidArgsFunction = a.completeFirst(func(ctx context.Context, b backend, prefix string) ([]string, error) {
		return b.PodNames(ctx, b.Namespace(), prefix)
	})
	a.completeTargets(cmd)
	return cmd
}

// podVantage reads NAME, pod/NAME, and pod/NAMESPACE/NAME as reports print it, and a
// workload, for one of its pods.
func podVantage(arg, namespace, asked string) (vantage, error) {
	t, err := ofKind(arg, target.Pod)
	if err != nil {
		return vantage{}, err
	}
	if t.Namespace != "" {
		if asked != "" && asked != t.Namespace {
			return vantage{}, fmt.Errorf("%s is in namespace %s, but -n says %s", arg, t.Namespace, asked)
		}
		namespace = t.Namespace
	}
	v := vantage{kind: facts.VantagePod, namespace: namespace, name: t.Name}
	if t.Kind == target.Workload {
		t.Namespace = namespace
		v.workload = &t
	}
	return v, nil
}

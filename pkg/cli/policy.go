package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func (a *app) policyCommand() *cobra.Command {
	var flags diagnoseFlags
	cmd := &cobra.Command{
		Use:     "policy POD TARGET[:PORT]",
		Aliases: []string{"policies", "netpol"},
		Short:   "Compare what NetworkPolicies say of a flow with what is measured",
		Long: longText(`
			Compare what NetworkPolicies say of a flow with what is measured: from a pod to
			every endpoint of a service, to a pod, or to an address.

			The policies of both namespaces are evaluated, for traffic to a service at the
			pods behind it, and each rule that decides is named. The same flow is then tried.
			Denied and silent: it is this policy. Allowed and silent: it is not the policy.
			Denied and answered: nothing enforces policies here. With --no-inject nothing is
			sent, and only what the policies say is told.

			AdminNetworkPolicies, and the policies of Cilium, Calico and Antrea, are named
			where they exist, and not evaluated.

			The probe, and the rights that it takes, are those of 'kubectl netlook pod'.`),
		Example: templates.Examples(`
			# May this pod reach that service, by which rule, and does it?
			kubectl netlook policy checkout-7d9f svc/payments:http -n shop

			# What do the policies alone say of a pod of another namespace?
			kubectl netlook policy checkout-7d9f pod/db/postgres-0:5432 -n shop --no-inject

			# And of an address outside?
			kubectl netlook policy checkout-7d9f 198.51.100.7:443 -n shop`),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.policy(cmd, flags, args) },
	}
	flags.add(cmd, a.getenv)
	flags.addPod(cmd)
	pod := a.completeFirst(func(ctx context.Context, b backend, prefix string) ([]string, error) {
		return b.PodNames(ctx, b.Namespace(), prefix)
	})
	to := a.kindNames(targetKinds[:len(targetKinds)-1]...) // policies know no URLs
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return to(cmd, args, prefix)
		}
		return pod(cmd, args, prefix)
	}
	a.completeTargets(cmd)
	return cmd
}

func (a *app) policy(cmd *cobra.Command, flags diagnoseFlags, args []string) error {
	if len(args) != 2 {
		text := "a pod and a target are needed: kubectl netlook policy POD TARGET[:PORT]"
		if len(args) > 2 {
			text += "; got " + strings.Join(args, " ")
		}
		return usagef(cmd, "%s", text)
	}
	to, err := target.Parse(args[1])
	switch {
	case err != nil:
		return usagef(cmd, "%w", err)
	case to.Kind == target.Host || to.Kind == target.URL:
		return usagef(cmd, "%s: policies know pods and addresses, and no names: svc/NAME, pod/NAME or IP:PORT", args[1])
	case to.Kind == target.IP && to.Port == 0:
		return usagef(cmd, "%s: a port is needed, as in %s:443", args[1], args[1])
	}
	o, err := flags.options()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	b, err := a.connect(a.kube)
	if err != nil {
		return err
	}
	v, err := podVantage(args[0], b.Namespace(), *a.kube.Namespace)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	if to.Object() != "" && to.Kind != target.Node {
		to.Namespace = cmp.Or(to.Namespace, v.namespace)
	}
	o.targets = append([]target.Target{to}, o.targets...)
	v.kind = facts.VantagePod
	d := &diagnosis{seams: a.seams, options: o, backend: b, context: a.contextName(), vantage: v, askedPolicy: true}
	return d.Run(cmd.Context())
}

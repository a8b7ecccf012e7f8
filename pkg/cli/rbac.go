package cli

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
)

func (a *app) rbacCommand() *cobra.Command {
	var (
		purpose string
		o       cluster.RoleOptions
	)
	var purposes []string
	for _, p := range cluster.Purposes() {
		purposes = append(purposes, string(p))
	}
	cmd := &cobra.Command{
		Use:   "rbac --for pod|node|api",
		Short: "Print the Roles that a user needs, for an admin to apply",
		Long: longText(`
			Print the Roles that a user needs to diagnose from a pod, from a node, or by the
			API alone, and their bindings when a user, a group or a service account is named.
			Nothing is changed in the cluster.

			The commands service, dns, policy and shell take the same rights as pod, or as node
			on a node; --deep takes those for node besides. Targets in another
			namespace take the rights for api there.

			Not among them: get secrets, a large right, with which the command service judges
			the TLS secrets of Ingresses; and list on the policies of other APIs, such as
			Cilium's. Without these a report says what it cannot tell.`),
		Example: templates.Examples(`
			# Let jane diagnose the pods of one namespace
			kubectl netlook rbac --for pod -n shop --user jane | kubectl apply -f -

			# Let a team run probes on nodes, in a namespace of their own
			kubectl netlook rbac --for node --probe-namespace netlook --group sre | kubectl apply -f -

			# What would a service account need to read the API only?
			kubectl netlook rbac --for api -n shop --service-account ci`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(purposes, purpose) {
				return usagef(cmd, "--for: %q is none of pod, node, api", purpose)
			}
			o.For = cluster.Purpose(purpose)
			o.Namespace = a.namespace()
			o.ProbeNamespace = cmp.Or(o.ProbeNamespace, o.Namespace)
			text, err := cluster.RoleYAML(o)
			if err != nil {
				return err
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&purpose, "for", "pod", "`WHAT` to allow: pod, node, api")
	fl.StringVar(&o.ProbeNamespace, "probe-namespace", "", "`NAMESPACE` of node probes (default: that of the context or -n)")
	// kubectl's own --user and --as-group mean something else; --user names a
	// kubeconfig entry there and is of no use to a command that asks no cluster.
	fl.StringVar(&o.User, "user", "", "`USER` to bind the roles to")
	fl.StringVar(&o.Group, "group", "", "`GROUP` to bind the roles to")
	fl.StringVar(&o.ServiceAccount, "service-account", "", "service `ACCOUNT` to bind the roles to: NAME or NAMESPACE:NAME")
	fl.BoolVar(&o.RequiredOnly, "required-only", false, "leave out what a run can do without")
	complete(cmd, "for", purposes...)
	return cmd
}

// namespace is the one of -n or of the context, without asking any cluster.
func (a *app) namespace() string {
	namespace, _, err := a.kube.ToRawKubeConfigLoader().Namespace()
	if err != nil || namespace == "" {
		return "default"
	}
	return namespace
}

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"
)

func (a *app) cleanupCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Delete node probes that a killed run has left",
		Long: longText(`
			Delete the pods of node probes, and of shells on nodes, that a killed run has left,
			in the namespace of the context or -n, or in all of them with -A. Probes inside
			pods end by themselves and cannot be removed.`),
		Example: templates.Examples(`
			# In one namespace
			kubectl netlook cleanup -n kube-system

			# Everywhere
			kubectl netlook cleanup -A`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.connect(a.kube)
			if err != nil {
				return err
			}
			namespace, where := b.Namespace(), "in namespace "+b.Namespace()
			if all {
				namespace, where = "", "in any namespace"
			}
			removed, err := b.Cleanup(cmd.Context(), namespace)
			for _, name := range removed {
				fmt.Fprintf(a.Out, "pod/%s deleted\n", name)
			}
			if err == nil && len(removed) == 0 {
				fmt.Fprintf(a.ErrOut, "no node probes found %s\n", where)
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "in all namespaces")
	return cmd
}

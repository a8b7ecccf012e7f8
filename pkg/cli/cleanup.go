package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

func (a *app) cleanupCommand() *cobra.Command {
	var all, shells bool
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Delete node probes that a killed run has left",
		Long: longText(`
			Delete the pods of node probes that a killed run has left, and those of shells on
			nodes that have ended, in the namespace of the context or -n, or in all of them
			with -A. Shells that have not ended are counted and left, as somebody may be in
			them; --shells deletes them too. Probes inside pods end by themselves and cannot
			be removed.`),
		Example: templates.Examples(`
			# In one namespace
			kubectl netlook cleanup -n kube-system

			# Everywhere
			kubectl netlook cleanup -A

			# A shell on a node too, which a killed terminal has left
			kubectl netlook cleanup -n kube-system --shells`),
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
			done, err := b.Cleanup(cmd.Context(), inject.CleanupOptions{Namespace: namespace, Shells: shells})
			if left := len(done.Shells); left > 0 {
				fmt.Fprintf(a.ErrOut, "left, as somebody may be in them: %s on nodes (%s); --shells deletes them too\n", check.Count(left, "shell"), strings.Join(done.Shells, " "))
			}
			removed := done.Removed
			for _, name := range removed {
				fmt.Fprintf(a.Out, "pod/%s deleted\n", name)
			}
			switch {
			case errors.Is(err, inject.ErrNotAllowed) && all:
				err = fmt.Errorf("%w; for one namespace: kubectl netlook cleanup -n NAMESPACE", err)
			case errors.Is(err, inject.ErrNotAllowed):
				d := &diagnosis{backend: b}
				_, unlock := d.unlock(cmd.Context(), cluster.ForNode, b.Namespace())
				err = fmt.Errorf("%w; to unlock, ask an admin for: %s", err, unlock)
			case err == nil && len(removed) == 0:
				err = b.CheckNamespace(cmd.Context(), namespace)
			}
			if err == nil && len(removed) == 0 {
				fmt.Fprintf(a.ErrOut, "no node probes found %s\n", where)
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "in all namespaces")
	cmd.Flags().BoolVar(&shells, "shells", false, "also shells on nodes that have not ended, whoever is in them")
	return cmd
}

//go:build linux

package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/attach"
)

func dropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop DEVICE PLACE [NAME PORT]",
		Short: "Attach an eBPF program that drops TCP from and to a port, in the network namespace it is called in",
		Long: "Attach an eBPF program that drops TCP from and to a port at an interface of the network\n" +
			"namespace it is called in. PLACE is one of " + strings.Join(attach.Places(), ", ") + ",\n" +
			"where " + attach.Off + " takes all programs away again.",
		Example: `  testcluster exec w1 -- testcluster drop flannel.1 tc-ingress cil_from_overlay 8080
  testcluster exec w1 -- testcluster drop flannel.1 off`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) == 2 && arguments[1] == attach.Off || len(arguments) == 4 {
				return nil
			}
			return fmt.Errorf("a device, a place, and but for %s a name and a port are wanted", attach.Off)
		},
		RunE: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) == 2 {
				return attach.Drop(arguments[0], arguments[1], "", 0)
			}
			port, err := strconv.ParseUint(arguments[3], 10, 16)
			if err != nil {
				return usageError{fmt.Errorf("%q is no port", arguments[3])}
			}
			if !slices.Contains(attach.Places(), arguments[1]) {
				return usageError{fmt.Errorf("place %q is unknown: use one of %s", arguments[1], strings.Join(attach.Places(), ", "))}
			}
			return attach.Drop(arguments[0], arguments[1], arguments[2], uint16(port))
		},
	}
}

package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// checkInfo is one line of `checks`, and one element of `checks -o json`.
type checkInfo struct {
	ID      string   `json:"id"`
	Area    string   `json:"area"`
	Needs   []string `json:"needs"`
	Summary string   `json:"summary"`
}

func (a *app) checksCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "checks",
		Short: "List the checks that there are, and what each needs",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, output); err != nil {
				return err
			}
			list := checkInfos(a.registry.List())
			if output == "json" {
				return printJSON(a.Out, list)
			}
			return printChecks(a.Out, list)
		},
	}
	addTextOrJSON(cmd, &output)
	return cmd
}

func checkInfos(list []check.Check) []checkInfo {
	infos := make([]checkInfo, 0, len(list))
	for _, c := range list {
		infos = append(infos, checkInfo{ID: c.ID, Area: c.Area, Needs: needs(c), Summary: c.Summary})
	}
	return infos
}

// needs are the least that a check needs to run.
func needs(c check.Check) []string {
	if c.Run == nil {
		return []string{"api"}
	}
	list := []string{"probe"}
	for _, n := range c.Needs {
		list = append(list, string(n))
	}
	return list
}

func printChecks(w io.Writer, list []checkInfo) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tAREA\tNEEDS\tSUMMARY")
	for _, c := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", c.ID, c.Area, strings.Join(c.Needs, ","), c.Summary)
	}
	return tw.Flush()
}

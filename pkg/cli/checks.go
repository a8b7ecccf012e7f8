package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// checkInfo is one line of `checks`, and one element of `checks -o json`.
type checkInfo struct {
	ID      string   `json:"id"`
	Area    string   `json:"area"`
	Needs   []string `json:"needs"`
	Summary string   `json:"summary"`
}

// causeInfo is the same for a root cause.
type causeInfo struct {
	Code    string `json:"code"`
	Deep    bool   `json:"deep"`
	Summary string `json:"summary"`
}

// listing is what `checks -o json` prints.
type listing struct {
	Checks []checkInfo `json:"checks"`
	Causes []causeInfo `json:"causes"`
}

func (a *app) checksCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "checks",
		Short: "List the checks and the root causes that there are, and what each needs",
		Example: templates.Examples(`
			# What is looked at, and what can it say?
			kubectl netlook checks

			# Which causes can be decided without a look at the nodes?
			kubectl netlook checks -o json | jq -r '.causes[] | select(.deep | not).code'`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, output); err != nil {
				return err
			}
			list := listing{checkInfos(a.registry.List()), causeInfos(a.causes.List())}
			if output == "json" {
				return printJSON(a.Out, list)
			}
			if err := printChecks(a.Out, list.Checks); err != nil {
				return err
			}
			fmt.Fprintln(a.Out)
			return printCauses(a.Out, list.Causes)
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

func causeInfos(list []diagnose.Cause) []causeInfo {
	infos := make([]causeInfo, 0, len(list))
	for _, c := range list {
		infos = append(infos, causeInfo{Code: c.Code, Deep: c.Deep, Summary: c.Summary})
	}
	return infos
}

func printCauses(w io.Writer, list []causeInfo) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "CAUSE\tDECIDED BY\tSUMMARY")
	for _, c := range list {
		rung := "pod, API"
		if c.Deep {
			rung = "--deep"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", c.Code, rung, c.Summary)
	}
	return tw.Flush()
}

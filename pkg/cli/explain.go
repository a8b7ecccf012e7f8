package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain CODE",
		Short: "Explain a root cause or a check: what it means, and what mends or takes it",
		Long: longText(`
			Explain a root cause by the code that a report prints: how it is recognised, what
			it means, how to confirm it by hand, and what mends it. Or a check by its ID: what
			it does, and what it needs.`),
		Example: templates.Examples(`
			# What does the verdict mean?
			kubectl netlook explain NL-SVC-ENDPOINT-DOWN

			# What does this check do, and which rights and privileges does it take?
			kubectl netlook explain dns.cluster

			# Which codes are there?
			kubectl netlook checks`),
		Args: exactlyOne("code of a cause, or ID of a check"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var text string
			if cause, found := a.causes.Get(args[0]); found {
				text = explanation(cause)
			} else if c, found := a.registry.Get(strings.ToLower(args[0])); found {
				text = checkPage(c)
			} else {
				return usagef(cmd, "%s", a.unknownCode(args[0]))
			}
			_, err := io.WriteString(a.Out, text)
			return err
		},
		ValidArgsFunction: a.completeCode,
	}
	return cmd
}

// completeCode completes causes and checks, each with its summary. No cluster is asked.
func (a *app) completeCode(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	for _, c := range a.causes.List() {
		found = append(found, cobra.CompletionWithDesc(c.Code, c.Summary))
	}
	for _, c := range a.registry.List() {
		found = append(found, cobra.CompletionWithDesc(c.ID, c.Summary))
	}
	return beginning(found, prefix), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) unknownCode(typed string) string {
	var codes, ids []string
	for _, c := range a.causes.List() {
		codes = append(codes, c.Code)
	}
	for _, c := range a.registry.List() {
		ids = append(ids, c.ID)
	}
	near := nearest.Of(strings.ToUpper(typed), codes, 1)
	if len(near) == 0 {
		near = nearest.Of(strings.ToLower(typed), ids, 1)
	}
	if len(near) > 0 {
		return fmt.Sprintf("no cause or check %q; did you mean %s?", typed, near[0])
	}
	return fmt.Sprintf("no cause or check %q; kubectl netlook checks lists them", typed)
}

// checkPage is a check's page as plain text.
func checkPage(c check.Check) string {
	return fmt.Sprintf("%s\n  %s\n\nAREA OF THE REPORT\n  %s\n\nNEEDS\n  %s\n", c.ID, c.Summary, c.Area, takes(c))
}

// takes says what must be given for a check to run.
func takes(c check.Check) string {
	switch {
	case c.Run == nil:
		return "the API alone: it runs on every rung, with --no-inject too (kubectl netlook rbac --for api)"
	case len(c.Needs) == 0:
		return "a probe in a pod or on a node (kubectl netlook rbac --for pod)"
	}
	var needs []string
	way := "--profile netraw in a pod; a node's probe holds it"
	for _, n := range c.Needs {
		needs = append(needs, string(n))
		if n != check.NetRaw {
			way = "--profile netadmin, or --deep, which asks the nodes"
		}
	}
	return fmt.Sprintf("a probe with %s: %s", strings.Join(needs, " and "), way)
}

// explanation is a cause's page as plain text.
func explanation(c diagnose.Cause) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n\nSIGNAL\n  %s\n\nMEANING\n  %s\n", c.Code, c.Summary, c.Signal, c.Meaning)
	for _, part := range []struct {
		title string
		lines []string
	}{{"CONFIRM BY HAND", c.Confirm}, {"REMEDY", c.Remedy}} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&b, "\n%s\n  %s\n", part.title, strings.Join(part.lines, "\n  "))
		}
	}
	fmt.Fprintf(&b, "\nDECIDED BY\n  %s\n", decidedBy(c))
	if c.Source != "" {
		fmt.Fprintf(&b, "\nSOURCE\n  %s\n", c.Source)
	}
	return b.String()
}

func decidedBy(c diagnose.Cause) string {
	if c.Deep {
		return "the node rung (--deep); without it the cause can only be suspected"
	}
	return "the pod's own probe, or the API"
}

// causesDoc is docs/causes.md.
func causesDoc(r *diagnose.Registry) string {
	var b strings.Builder
	b.WriteString(generated + "# Root causes\n\nEach is printed with its code, and `kubectl netlook explain CODE` shows its page.\n\n" +
		"(in the pod) is what `kubectl netlook shell POD -n NAMESPACE -- COMMAND` does, (on the node) a login there, or\n`kubectl netlook shell node/NAME --profile netadmin -- COMMAND`, whose image has no bpftool and changes no sysctl.\n\n" +
		"| code | what is wrong | decided by |\n|---|---|---|\n")
	for _, c := range r.List() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", c.Code, strings.ToLower(c.Code), cellText(c.Summary), decidedBy(c))
	}
	for _, c := range r.List() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n**Signal.** %s\n\n**Meaning.** %s\n", c.Code, capital(c.Summary), c.Signal, c.Meaning)
		for _, part := range []struct {
			title string
			lines []string
		}{{"Confirm by hand", c.Confirm}, {"Remedy", c.Remedy}} {
			if len(part.lines) == 0 {
				continue
			}
			fmt.Fprintf(&b, "\n**%s.**\n\n", part.title)
			for _, line := range part.lines {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
		if c.Source != "" {
			fmt.Fprintf(&b, "\nSource: %s\n", c.Source)
		}
	}
	return b.String()
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

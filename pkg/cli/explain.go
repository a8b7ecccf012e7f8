package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain CODE",
		Short: "Explain a root cause: its signal, how to confirm it by hand, what mends it",
		Long: longText(`
			Explain a root cause by the code that a report prints: how it is recognised, what
			it means, how to confirm it by hand, and what mends it.`),
		Example: templates.Examples(`
			# What does the verdict mean?
			kubectl netlook explain NL-SVC-ENDPOINT-DOWN

			# Which codes are there?
			kubectl netlook checks`),
		Args: exactlyOne("code of a cause"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cause, found := a.causes.Get(args[0])
			if !found {
				return usagef(cmd, "%s", a.unknownCode(args[0]))
			}
			_, err := io.WriteString(a.Out, explanation(cause))
			return err
		},
	}
	cmd.ValidArgsFunction = a.completeFirst(func(context.Context, backend, string) ([]string, error) { return a.codes(), nil })
	return cmd
}

func (a *app) codes() []string {
	var codes []string
	for _, c := range a.causes.List() {
		codes = append(codes, c.Code)
	}
	return codes
}

func (a *app) unknownCode(typed string) string {
	if near := nearest.Of(strings.ToUpper(typed), a.codes(), 1); len(near) > 0 {
		return fmt.Sprintf("no cause %q; did you mean %s?", typed, near[0])
	}
	return fmt.Sprintf("no cause %q; kubectl netlook checks lists them", typed)
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

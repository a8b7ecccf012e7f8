package cli

import (
	"fmt"
	"strings"

	"github.com/MakeNowJust/heredoc"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/target"
	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

// program is how users call it.
const program = "kubectl netlook"

// app is what the commands share.
type app struct {
	*seams
	kube *genericclioptions.ConfigFlags
}

func newRoot(s *seams) *cobra.Command {
	a := &app{seams: s, kube: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-netlook",
		Short: "Say what is broken in a pod's or node's network, where, and how it knows",
		Long: longText(`
			Say what is broken in the network of a pod, a service or a node, where, and how
			it knows.

			Checks run from the pod itself, in an ephemeral container that needs no
			privileges, or from a node. Nothing has to be installed in the cluster.
			'kubectl netlook rbac' prints the rights that this takes.

			Exit status: 0 healthy, 1 problems found, 2 could not diagnose, or not all of it.`),
		Example: templates.Examples(`
			# Is this pod's network all right: gateway, DNS, API server, its own services?
			kubectl netlook pod web-0

			# Can it reach that service, through its address and at every endpoint?
			kubectl netlook pod checkout-7d9f -n shop --to svc/payments

			# At which step does the way to a service end, and does its name resolve?
			kubectl netlook service payments -n shop
			kubectl netlook dns payments -n shop

			# From a node, for scripts
			kubectl netlook node w1 -o json`),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: program},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.ErrOut)
	root.SetFlagErrorFunc(flagError)
	a.kube.AddFlags(root.PersistentFlags())
	root.AddCommand(a.podCommand(), a.nodeCommand(), a.serviceCommand(), a.dnsCommand(), a.policyCommand(), a.shellCommand(), a.imageCommand(), a.reportCommand(), a.cleanupCommand(), a.checksCommand(), a.explainCommand(), a.rbacCommand(), a.versionCommand(), a.docsCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	aboutCompletion(root)
	a.completeKubeFlags(root)
	examplesFirst(root)
	return root
}

// aboutCompletion says how kubectl finds a plugin's completion, which cobra does not
// know (kubectl: pkg/cmd/plugin/plugin_completion.go).
func aboutCompletion(root *cobra.Command) {
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // it was added a line ago
	}
	cmd.Short = "Set up completion of pods, nodes, services and more in a shell"
	cmd.Long = longText(`
		kubectl completes a plugin by asking an executable on PATH that is named after
		it: ` + completer + `. A link of that name to this binary is one (on
		Windows a copy, with .exe). With kubectl's own completion set up, this is all.

		Pods, nodes, services, namespaces, contexts, checks and causes are completed,
		beside commands and flags.

		The commands below print scripts for the binary itself, kubectl-netlook.`)
	cmd.Example = templates.Examples(`
		# Complete 'kubectl netlook', in every shell that completes kubectl
		mkdir -p ~/.local/bin && ln -s "$(command -v kubectl-netlook)" ~/.local/bin/` + completer + `

		# What kubectl asks, to see whether it works
		` + completer + ` explain NL-DNS`)
}

// longText takes the indentation of the source from a text, and keeps its lines.
func longText(text string) string { return strings.TrimSpace(heredoc.Doc(text)) }

// knownVerb says which command was meant: cobra's own answer takes several lines.
func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var verbs []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			verbs = append(verbs, c.Name())
		}
	}
	text := fmt.Sprintf("no command %q; there are: %s", args[0], strings.Join(verbs, ", "))
	if t, err := target.Parse(args[0]); err == nil && verbOf(t) != "" {
		return usagef(cmd, "no command %q: %s", args[0], instead(t))
	}
	if near := nearest.Of(args[0], verbs, 1); len(near) > 0 {
		text = fmt.Sprintf("no command %q; did you mean %q?", args[0], near[0])
	}
	return usagef(cmd, "%s", text)
}

// flagError adds the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if typed, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest.Of(typed, names, 1); len(near) > 0 {
			text += fmt.Sprintf("; did you mean --%s?", near[0])
		}
	}
	return usagef(cmd, "%s", text)
}

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return usageError{err: fmt.Errorf(format, args...), line: cmd.UseLine(), command: cmd.CommandPath()}
}

// exactlyOne wants one argument and says which.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return usagef(cmd, "name a %s", what)
		}
		if deep := cmd.Flags().Lookup("deep"); deep != nil && deep.Changed {
			switch last := args[len(args)-1]; strings.ToLower(last) {
			case deepAuto:
				return usagef(cmd, "write --deep=%s: a value of --deep needs the =", deepAuto)
			case "yes", "true", "on", "1":
				return usagef(cmd, "write --deep alone, without %q: a value of --deep needs the =, as in --deep=%s", last, deepAuto)
			}
		}
		return usagef(cmd, "one %s at a time: got %s", what, strings.Join(args, " "))
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "%s takes no arguments, got %q", cmd.CommandPath(), strings.Join(args, " "))
	}
	return nil
}

// examplesFirst makes every help text begin with its examples: they are what most
// people look for.
func examplesFirst(root *cobra.Command) {
	root.SetHelpTemplate(`{{if not .HasParent}}{{.Short}}.

{{end}}{{with .Example}}Examples:
{{.}}

{{end}}{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`)
	root.SetUsageTemplate(`Usage:{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{else}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalNonPersistentFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}

kubectl's own flags (-n, --context, --kubeconfig, --as, --request-timeout ...)
work as everywhere: see 'kubectl options'.
`)
}

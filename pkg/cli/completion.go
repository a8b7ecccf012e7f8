package cli

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Completion asks the cluster for names, in bounded pages (pkg/cluster), and never
// says why it could not: a shell that prints errors into a command line is worse
// than one that completes nothing.

// completer is the name under which kubectl looks for the completion of a plugin
// (kubectl: pkg/cmd/plugin/plugin_completion.go): a link to this very binary.
const completer = "kubectl_complete-netlook"

// Arguments returns what a process was asked to do, given all that it was started
// with: the arguments as they are, or, where it was called by the name of the
// completer, the request to complete them.
func Arguments(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	name, _ := strings.CutSuffix(strings.ToLower(filepath.Base(argv[0])), ".exe")
	if name != completer {
		return argv[1:]
	}
	return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
}

// complete offers fixed values for a flag. A flag that does not exist is a mistake of
// a programmer.
func complete(cmd *cobra.Command, flag string, values ...string) {
	offer(cmd, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	})
}

// beginning keeps what begins with prefix: not every shell does so by itself.
func beginning(list []string, prefix string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

func offer(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// names asks for names that begin with prefix.
type names func(ctx context.Context, b backend, prefix string) ([]string, error)

func (a *app) ask(cmd *cobra.Command, list names, prefix string) []string {
	b, err := a.connect(a.kube)
	if err != nil {
		return nil
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	found, err := list(ctx, b, prefix)
	if err != nil {
		return nil
	}
	return found
}

// completeFirst completes the one argument of a command.
func (a *app) completeFirst(list names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.ask(cmd, list, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// targetKinds are how targets begin.
var targetKinds = []string{"svc/", "pod/", "node/", "deploy/", "sts/", "ds/", "https://"}

// completeTargets completes --to: first the kind, then the names of that kind.
func (a *app) completeTargets(cmd *cobra.Command) {
	a.completeKinds(cmd, "to", targetKinds...)
}

// completeKinds completes a flag that takes KIND/NAME: first the kind, then the names.
func (a *app) completeKinds(cmd *cobra.Command, flag string, kinds ...string) {
	offer(cmd, flag, a.kindNames(kinds...))
}

// kindNames completes KIND/NAME.
func (a *app) kindNames(kinds ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if !strings.Contains(prefix, "/") {
			return kinds, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		}
		return a.ofKind(cmd, prefix)
	}
}

// completePlace completes the one argument that names a pod, or pod/NAME or node/NAME.
func (a *app) completePlace(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) > 0:
		return nil, cobra.ShellCompDirectiveDefault // words of a command
	case strings.Contains(prefix, "/"):
		return a.ofKind(cmd, prefix)
	}
	pods := a.ask(cmd, func(ctx context.Context, b backend, p string) ([]string, error) {
		return b.PodNames(ctx, b.Namespace(), p)
	}, prefix)
	for _, kind := range []string{"node/", "pod/"} {
		if strings.HasPrefix(kind, prefix) {
			pods = append(pods, kind)
		}
	}
	if len(pods) > 0 && !slices.ContainsFunc(pods, func(s string) bool { return !strings.HasSuffix(s, "/") }) {
		return pods, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp // a name comes yet
	}
	return pods, cobra.ShellCompDirectiveNoFileComp
}

// ofKind completes the name in KIND/NAME.
func (a *app) ofKind(cmd *cobra.Command, prefix string) ([]string, cobra.ShellCompDirective) {
	lists := map[string]names{
		"svc": func(ctx context.Context, b backend, p string) ([]string, error) {
			return b.ServiceNames(ctx, b.Namespace(), p)
		},
		"pod": func(ctx context.Context, b backend, p string) ([]string, error) {
			return b.PodNames(ctx, b.Namespace(), p)
		},
		"node": func(ctx context.Context, b backend, p string) ([]string, error) { return b.NodeNames(ctx, p) },
	}
	aliases := map[string]string{"service": "svc", "services": "svc", "po": "pod", "pods": "pod", "no": "node", "nodes": "node"}
	typed, name, _ := strings.Cut(prefix, "/")
	list, known := lists[cmp.Or(aliases[typed], typed)]
	if !known {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found := a.ask(cmd, list, name)
	for i := range found {
		found[i] = typed + "/" + found[i]
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeKubeFlags completes those of kubectl's flags that name things.
func (a *app) completeKubeFlags(root *cobra.Command) {
	offer(root, "namespace", func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		list := func(ctx context.Context, b backend, p string) ([]string, error) { return b.Namespaces(ctx, p) }
		return a.ask(cmd, list, prefix), cobra.ShellCompDirectiveNoFileComp
	})
	fromConfig := func(flag string, pick func() []string) {
		offer(root, flag, func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return beginning(pick(), prefix), cobra.ShellCompDirectiveNoFileComp
		})
	}
	fromConfig("context", func() []string {
		raw, err := a.kube.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil
		}
		return slices.Sorted(maps.Keys(raw.Contexts))
	})
	fromConfig("cluster", func() []string {
		raw, err := a.kube.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil
		}
		return slices.Sorted(maps.Keys(raw.Clusters))
	})
}

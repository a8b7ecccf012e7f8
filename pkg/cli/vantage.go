package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

// ofKind reads what stands after `pod` or `node`: a name, or KIND/NAME of that kind.
func ofKind(arg string, kind target.Kind) (target.Target, error) {
	raw := arg
	if !strings.Contains(arg, "/") {
		raw = string(kind) + "/" + arg
	}
	t, err := target.Parse(raw)
	switch {
	case err != nil:
		return t, err
	case t.Kind != kind:
		return t, fmt.Errorf("%s is a %s, not a %s: try kubectl netlook %s %s", arg, t.Kind, kind, t.Kind, t.Name)
	case t.Port != 0 || t.PortName != "":
		return t, fmt.Errorf("%s: the place to look from has no port; ports belong to --to", arg)
	}
	return t, nil
}

// diagnose is what `pod` and `node` have in common: Flags -> Options -> Run.
func (a *app) diagnose(cmd *cobra.Command, flags diagnoseFlags, find func(backend) (vantage, error)) error {
	o, err := flags.options()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	b, err := a.connect(a.kube)
	if err != nil {
		return err
	}
	v, err := find(b)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	d := &diagnosis{seams: a.seams, options: o, backend: b, context: a.contextName(), vantage: v}
	return d.Run(cmd.Context())
}

// contextName is the kubeconfig context that is used, "" in a cluster.
func (a *app) contextName() string {
	if *a.kube.Context != "" {
		return *a.kube.Context
	}
	raw, err := a.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "" // the client has been made of it, so this is no news
	}
	return raw.CurrentContext
}

// shellWord quotes a word for a shell when it must be.
func shellWord(word string) string {
	special := func(r rune) bool {
		letter := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
		digit := r >= '0' && r <= '9'
		return !letter && !digit && !strings.ContainsRune("-_.:/@", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

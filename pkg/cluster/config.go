package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/netlook/kubectl-netlook/pkg/target/nearest"
)

// explainConfig turns an error of client-go's configuration loading into one line.
func explainConfig(loader clientcmd.ClientConfig, err error) error {
	text := plain(err.Error(), maxMessage)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = fmt.Sprintf("the kubeconfig cannot be read: %s; check --kubeconfig and $KUBECONFIG", text)
	case clientcmd.IsEmptyConfig(err):
		text = "no kubeconfig: set $KUBECONFIG, give --kubeconfig FILE, or put one at ~/.kube/config"
	case clientcmd.IsContextNotFound(err):
		text = unknownContext(loader, text)
	default:
		text = fmt.Sprintf("the kubeconfig cannot be used: %s; check it with: kubectl config view", text)
	}
	return &problem{kind: ErrConfig, cause: err, text: text}
}

// unknownContext names the contexts that may have been meant.
func unknownContext(loader clientcmd.ClientConfig, text string) string {
	raw, err := loader.RawConfig()
	if err != nil {
		return text + "; see kubectl config get-contexts"
	}
	contexts := slices.Sorted(maps.Keys(raw.Contexts))
	// The name that was asked for is only in the error's text.
	asked := text[max(0, lastSpace(text)):]
	near := nearest.Of(asked, contexts, 3)
	for i := range near {
		near[i] = plain(near[i], maxWord)
	}
	if len(near) > 0 {
		return fmt.Sprintf("the kubeconfig has no context %q: did you mean %s?", asked, anyOf(near))
	}
	return fmt.Sprintf("the kubeconfig has no context %q; see kubectl config get-contexts", asked)
}

func lastSpace(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ' ' {
			return i + 1
		}
	}
	return 0
}

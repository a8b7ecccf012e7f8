package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
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
	case unknownContext.MatchString(text):
		asked := unknownContext.FindStringSubmatch(text)
		text = nearContexts(loader, asked[1]+asked[2])
	default:
		text = fmt.Sprintf("the kubeconfig cannot be used: %s; check it with: kubectl config view", text)
	}
	return &problem{kind: ErrConfig, cause: err, text: text}
}

// unknownContext matches the two ways in which client-go says so; neither error has
// a type that holds the name.
// Source: k8s.io/client-go/tools/clientcmd/client_config.go and validation.go.
var unknownContext = regexp.MustCompile(`context "([^"]+)" does not exist|context was not found for specified context: (\S+)`)

// nearContexts names the contexts that may have been meant.
func nearContexts(loader clientcmd.ClientConfig, asked string) string {
	found := fmt.Sprintf("the kubeconfig has no context %q", asked)
	if raw, err := loader.RawConfig(); err == nil {
		near := nearest.Of(asked, slices.Sorted(maps.Keys(raw.Contexts)), maxSuggestions)
		for i := range near {
			near[i] = plain(near[i], maxWord)
		}
		if len(near) > 0 {
			return fmt.Sprintf("%s: did you mean %s?", found, anyOf(near))
		}
	}
	return found + "; see kubectl config get-contexts"
}

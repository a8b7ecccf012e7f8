package causes

import "github.com/netlook/kubectl-netlook/pkg/diagnose"

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-TOOL-IMAGE",
		Summary: "netlook's own: the image of its probe cannot be pulled",
		Signal:  "The kubelet reports ErrImagePull, ImagePullBackOff, ErrImageNeverPull or InvalidImageName for the probe's container, or was still pulling when --start-timeout was over.",
		Meaning: "No check ran from inside; only what the API shows is known. It says nothing about the network that was to be diagnosed.",
		Confirm: []string{"kubectl -n NAMESPACE get pod POD -o jsonpath='{.status.ephemeralContainerStatuses}'"},
		Remedy:  []string{"push the image to a registry that the nodes reach, and name it: --image REGISTRY/netlook/probe:TAG, or NETLOOK_IMAGE", "for a registry that asks for a password: --image-pull-secret (node), the pod's own pull secrets (pod)"},
		Source:  "https://kubernetes.io/docs/concepts/containers/images/",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			if c.NoImage == "" {
				return nil
			}
			return []diagnose.Finding{{
				Headline:   "netlook's own trouble: the image of its probe is not on the node",
				Confidence: diagnose.Certain,
				Where:      []string{c.Facts.Vantage.String()},
				Evidence:   []string{c.NoImage},
				Likely:     "the image is not in the registry, the node does not reach it or only slowly, or it asks for a password",
				Try:        []string{"kubectl netlook ... --image REGISTRY/netlook/probe:TAG"},
				Rank:       rankSymptom,
			}}
		},
	})
}

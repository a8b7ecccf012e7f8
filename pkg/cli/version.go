package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

// versionInfo is what `version -o json` prints.
type versionInfo struct {
	Version  string `json:"version"`
	Build    string `json:"build"`
	Image    string `json:"image"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print this build and the probe image that belongs to it",
		Example: templates.Examples(`
			# Which build is this?
			kubectl netlook version

			# Which image must the nodes be able to pull?
			kubectl netlook version -o json | jq -r .image`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, output); err != nil {
				return err
			}
			info := versionInfo{
				Version: version.Version, Build: version.Build(), Image: version.Image,
				Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			if output == "json" {
				return printJSON(a.Out, info)
			}
			_, err := fmt.Fprintf(a.Out, "netlook %s (build %s, %s, %s)\nprobe image %s\n", info.Version, info.Build, info.Go, info.Platform, info.Image)
			return err
		},
	}
	addTextOrJSON(cmd, &output)
	return cmd
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/mirror"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// usedImage is an image that this build puts into clusters, as `image -o json` prints it.
type usedImage struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	// Variable replaces it; From says what has chosen it: "build", the variable, "flag".
	Variable string `json:"variable"`
	From     string `json:"from"`
	// CopyTo and Use are with --to: where to copy it, and what to name then.
	CopyTo string `json:"copyTo,omitempty"`
	Use    string `json:"use,omitempty"`
	// Digest and Platforms are with --save.
	Digest    string   `json:"digest,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
}

type imageFlags struct {
	Probe, Toolbox string
	To             string
	Save           string
	Platforms      []string
	Output         string
}

func (a *app) imageCommand() *cobra.Command {
	var flags imageFlags
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Print the images that are put into clusters, how to mirror them, or save them",
		Long: longText(`
			Print the images that this build puts into clusters - the probe's, and the toolbox
			of the command shell - and how to mirror them for a cluster that cannot reach their
			registry. --save pulls them, with the credentials of docker login or podman login,
			into one file that can be carried there: an OCI layout as a tar. No cluster is asked.

			A mirror is named with --image or, for good, with $NETLOOK_IMAGE and
			$NETLOOK_TOOLBOX_IMAGE, by tag or by digest. Node probes can pull with a secret
			(--image-pull-secret); a probe inside a pod only with those of that pod.`),
		Example: templates.Examples(`
			# Which images are used, and how are they copied to that registry?
			kubectl netlook image --to registry.example/tools

			# Save what a cluster without a connection needs, for the nodes' architectures
			kubectl netlook image --save netlook-images.tar --platform linux/amd64

			# For a script that mirrors images
			kubectl netlook image -o json`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, flags.Output); err != nil {
				return err
			}
			images, err := a.usedImages(flags)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if flags.Save != "" {
				if err := a.saveImages(cmd.Context(), flags, images); err != nil {
					return err
				}
			}
			if flags.Output == "json" {
				return printJSON(a.Out, map[string][]usedImage{"images": images})
			}
			return printImages(a.Out, flags, images)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&flags.Probe, "image", "", "probe `IMAGE` instead (also $NETLOOK_IMAGE)")
	fl.StringVar(&flags.Toolbox, "toolbox-image", "", "toolbox `IMAGE` instead (also $NETLOOK_TOOLBOX_IMAGE)")
	fl.StringVar(&flags.To, "to", "", "`REGISTRY` that the nodes can reach, or REGISTRY/PATH: print the commands for it")
	fl.StringVar(&flags.Save, "save", "", "pull the images into this `FILE`")
	fl.StringArrayVar(&flags.Platforms, "platform", []string{"linux/amd64", "linux/arm64"}, "`OS/ARCHITECTURE` to save, or "+mirror.AllPlatforms+" for images as they are (repeatable)")
	addTextOrJSON(cmd, &flags.Output)
	complete(cmd, "platform", "linux/amd64", "linux/arm64", mirror.AllPlatforms)
	return cmd
}

// usedImages are those that flags, variables and this build name, in that order.
func (a *app) usedImages(flags imageFlags) ([]usedImage, error) {
	choose := func(what, variable, flag, build string) usedImage {
		u := usedImage{Name: what, Image: build, Variable: variable, From: "build"}
		if own := a.getenv(variable); own != "" {
			u.Image, u.From = own, "$"+variable
		}
		if flag != "" {
			u.Image, u.From = flag, "flag"
		}
		return u
	}
	images := []usedImage{
		choose("probe", "NETLOOK_IMAGE", flags.Probe, version.Image),
		choose("toolbox", "NETLOOK_TOOLBOX_IMAGE", flags.Toolbox, version.ToolboxImage),
	}
	for i, u := range images {
		if _, err := name.ParseReference(u.Image); err != nil {
			return nil, fmt.Errorf("the image of the %s (%s): %w", u.Name, u.From, err)
		}
		if flags.To == "" {
			continue
		}
		target, err := mirror.TargetOf(u.Image, flags.To)
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		images[i].CopyTo, images[i].Use = target.Tag, target.Use
	}
	if slices.Contains(flags.Platforms, mirror.AllPlatforms) && len(flags.Platforms) > 1 {
		return nil, fmt.Errorf("--platform %s is all of them: leave the others out", mirror.AllPlatforms)
	}
	for _, p := range flags.Platforms {
		if p != mirror.AllPlatforms && strings.Count(p, "/") != 1 {
			return nil, fmt.Errorf("--platform: %q is no OS/ARCHITECTURE such as linux/amd64", p)
		}
	}
	return images, nil
}

// saveImages writes the file, and into images what is in it.
func (a *app) saveImages(ctx context.Context, flags imageFlags, images []usedImage) error {
	bar := startProgress(a.seams, false)
	defer bar.stop()
	o := mirror.Options{File: flags.Save, Platforms: flags.Platforms, Progress: func(image string, n int64) {
		bar.say("saving %s: %.1f MB", image, float64(n)/1e6)
	}}
	for _, u := range images {
		o.Images = append(o.Images, u.Image)
	}
	saved, err := mirror.Save(ctx, o)
	bar.stop()
	switch {
	case ctx.Err() != nil:
		return statusError{code: report.ExitIncomplete, err: errors.New("interrupted; nothing was saved")}
	case err != nil:
		return err
	}
	for i := range images {
		images[i].Digest, images[i].Platforms = saved[i].Digest, saved[i].Platforms
	}
	return nil
}

func printImages(out io.Writer, flags imageFlags, images []usedImage) error {
	var b strings.Builder
	for _, u := range images {
		fmt.Fprintf(&b, "%-8s %s", u.Name, u.Image)
		if u.From != "build" {
			fmt.Fprintf(&b, "   (%s)", u.From)
		}
		if u.Digest != "" {
			fmt.Fprintf(&b, "\n         %s, %s", u.Digest, strings.Join(u.Platforms, ", "))
		}
		b.WriteString("\n")
	}
	if flags.Save != "" {
		if info, err := os.Stat(flags.Save); err == nil {
			fmt.Fprintf(&b, "saved in %s, %.1f MB\n", flags.Save, float64(info.Size())/1e6)
		}
	}
	to := cmp.Or(flags.To, "REGISTRY")
	targets := make([]mirror.Target, len(images))
	for i, u := range images {
		targets[i] = mirror.Target{Tag: u.CopyTo, Use: u.Use}
		if flags.To == "" {
			// REGISTRY is no name of one: a registry that is takes its place for a moment.
			target, err := mirror.TargetOf(u.Image, "registry.invalid")
			if err != nil {
				return err
			}
			put := func(s string) string { return strings.Replace(s, "registry.invalid", to, 1) }
			targets[i] = mirror.Target{Tag: put(target.Tag), Use: put(target.Use)}
		}
	}
	block := func(title string, line func(i int, u usedImage) string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for i, u := range images {
			b.WriteString("  " + line(i, u) + "\n")
		}
	}
	if flags.Save == "" {
		block("copy them with skopeo:", func(i int, u usedImage) string {
			return "skopeo copy --all docker://" + full(u.Image) + " docker://" + targets[i].Tag
		})
		block("or with crane:", func(i int, u usedImage) string { return "crane copy " + full(u.Image) + " " + targets[i].Tag })
		block("or with docker, all platforms at once:", func(i int, u usedImage) string {
			return "docker buildx imagetools create --tag " + targets[i].Tag + " " + full(u.Image)
		})
	} else {
		block("on the other side, into a registry:", func(i int, u usedImage) string {
			return "skopeo copy --all oci-archive:" + shellescape.Quote(flags.Save) + ":" + full(u.Image) + " docker://" + targets[i].Tag
		})
		fmt.Fprintf(&b, "\nor into each node:\n  ctr -n k8s.io images import %s\n", shellescape.Quote(flags.Save))
	}
	block("and then use them:", func(i int, u usedImage) string { return "export " + u.Variable + "=" + targets[i].Use })
	_, err := io.WriteString(out, b.String())
	return err
}

// full is a reference with its registry and tag, which other tools may guess otherwise.
func full(image string) string {
	ref, err := name.ParseReference(image)
	if err != nil {
		return image
	}
	return mirror.FullName(ref)
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// stdin is the name of a file that is none.
const stdin = "-"

func (a *app) reportCommand() *cobra.Command {
	var output, baseline string
	cmd := &cobra.Command{
		Use:     "report FILE",
		Aliases: []string{"reports"},
		Short:   "Print a saved report again, and say what changed since an older one",
		Long: longText(`
			Print a report again that '-o json' or '-o yaml' has saved, in any format. No cluster
			is asked. FILE may be - for standard input.

			With --baseline it also says what changed since an older report: root causes that
			are new or gone, checks that fail now or no longer, those that only one of the two
			has, and times that are three times as long and 20 ms longer, by the quickest
			attempts. Every command that diagnoses takes --baseline too.

			Exit status: that of the run whose report it is.`),
		Example: templates.Examples(`
			# Keep a run, and read it again
			kubectl netlook pod web-0 -o json > monday.json
			kubectl netlook report monday.json

			# As a page for a colleague, or for an issue
			kubectl netlook report monday.json -o html > monday.html
			kubectl netlook report monday.json -o markdown

			# What changed since? The second asks the cluster anew.
			kubectl netlook report tuesday.json --baseline monday.json
			kubectl netlook pod web-0 --baseline monday.json`),
		Args: exactlyOne("file with a saved report"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.report(cmd, args[0], baseline, output) },
	}
	addOutput(cmd, &output)
	addBaseline(cmd, &baseline)
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return reportFiles, cobra.ShellCompDirectiveFilterFileExt
	}
	return cmd
}

func (a *app) report(cmd *cobra.Command, file, baseline, output string) error {
	p, err := printer.Get(output)
	if err != nil {
		return usagef(cmd, "--output: %w", err)
	}
	if file == stdin && baseline == stdin {
		return usagef(cmd, "standard input can be one of the two reports: name a file for the other")
	}
	r, err := readReport(file, a.In)
	if err != nil {
		return err
	}
	if baseline != "" {
		old, err := readReport(baseline, a.In)
		if err != nil {
			return fmt.Errorf("--baseline: %w", err)
		}
		changes := report.Compare(old, r)
		r.Changes = &changes
	}
	o := printer.Options{Width: a.columns(a.Out), Color: a.colors(a.Out)}
	if err := p.Print(a.Out, r, o); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if r.Summary.ExitCode != report.ExitHealthy {
		return statusError{code: r.Summary.ExitCode}
	}
	return nil
}

// readReport reads a saved report from a file, or from in where the file is "-".
func readReport(file string, in io.Reader) (*report.Report, error) {
	name := file
	if file == stdin {
		name = "standard input"
	} else {
		f, err := os.Open(file)
		if err != nil {
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err // the name comes before it
			}
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a folder: name a file in it", strings.TrimSuffix(file, "/"))
		}
		in = f
	}
	r, err := report.Load(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// reportFiles are the extensions that shells offer.
var reportFiles = []string{"json", "yaml", "yml"}

func addBaseline(cmd *cobra.Command, baseline *string) {
	cmd.Flags().StringVar(baseline, "baseline", "", "`FILE` with an older report (-o json or yaml): say what changed since")
	offer(cmd, "baseline", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return reportFiles, cobra.ShellCompDirectiveFilterFileExt
	})
}

// addOutput adds the formats of reports.
func addOutput(cmd *cobra.Command, output *string) {
	var formats []string
	for _, p := range printer.List() {
		formats = append(formats, p.Name)
	}
	cmd.Flags().StringVarP(output, "output", "o", "table", "output `FORMAT`: "+strings.Join(formats, ", "))
	complete(cmd, "output", formats...)
}

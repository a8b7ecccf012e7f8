// Package cli is the command line of netlook: one file a command, each from Flags
// (what was typed) over Options (what runs) and Validate to Run. It orders the other
// packages about and knows nothing of networks itself.
//
// Nothing here exits or writes past the streams it is given; errors are returned and
// printed once, by Main.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/diagnose/causes"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

// farewell is how long a run may take to end after Ctrl-C: enough to delete a pod
// and to print, and less than a person needs to press it again.
const farewell = 900 * time.Millisecond

// seams are what tests replace.
type seams struct {
	genericiooptions.IOStreams
	// connect makes the API's client of kubectl's flags.
	connect func(genericclioptions.RESTClientGetter) (backend, error)
	getenv  func(string) string
	// columns returns the width of the terminal that w is, 0 when it is none.
	columns func(w io.Writer) int
	now     func() time.Time
	// registry holds the checks to run.
	registry *check.Registry
	// causes holds the root causes to look for.
	causes *diagnose.Registry
}

// Main runs one command line and returns the exit status.
func Main(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	return run(ctx, args, &seams{IOStreams: streams, connect: connect, getenv: os.Getenv, columns: columns, now: time.Now, registry: &checks.Registry, causes: &causes.Registry})
}

// run runs the command and waits for it; after the context's end only so long that
// whoever hangs in a call without a deadline cannot hold the user up.
func run(ctx context.Context, args []string, s *seams) int {
	done := make(chan error, 1)
	go func() {
		root := newRoot(s)
		root.SetArgs(args)
		done <- root.ExecuteContext(ctx)
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(farewell):
			err = errors.New("interrupted, and clean-up did not end in time; look for leftovers with: kubectl netlook cleanup -A")
		}
	}
	return s.exit(err)
}

// exit prints err, when there is anything to print, and returns its exit status.
func (s *seams) exit(err error) int {
	if err == nil {
		return report.ExitHealthy
	}
	var outcome statusError
	if errors.As(err, &outcome) && outcome.err == nil {
		return outcome.code
	}
	fmt.Fprintf(s.ErrOut, "error: %s\n", printer.Escape(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(s.ErrOut, "usage: %s\nSee '%s --help'.\n", usage.line, usage.command)
	}
	if errors.As(err, &outcome) {
		return outcome.code
	}
	return report.ExitIncomplete
}

// statusError ends a command that has printed its report with that report's exit
// status. A nil err means that nothing is left to be said.
type statusError struct {
	code int
	err  error
}

func (e statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e statusError) Unwrap() error { return e.err }

// usageError is a mistake on the command line.
type usageError struct {
	err           error
	line, command string
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// columns asks the terminal, when w is one.
func columns(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// colors reports whether w may be coloured: https://no-color.org, and terminals that
// cannot.
func (s *seams) colors(w io.Writer) bool {
	return s.columns(w) > 0 && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
}

package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// skewTold is how far this machine's clock may be off the cluster's before it is told:
// tokens and certificates begin to be refused then.
const skewTold = time.Minute

// print writes the report. The error carries its exit status.
func (d *diagnosis) print(started time.Time) error {
	code, err := d.write(started)
	switch {
	case err != nil:
		return err
	case d.failure != nil && d.printer.ForPeople && d.columns(d.Out) > 0 && d.columns(d.ErrOut) > 0:
		return statusError{code: code} // the report on the same screen has said it
	case d.failure != nil && d.printer.ForPeople:
		return statusError{code, briefly(d.failure)} // in full in the report
	case d.failure != nil || code != report.ExitHealthy:
		return statusError{code, d.failure}
	}
	return nil
}

// failed notes that no probe could be started. What a registry said at length is told
// once: as the evidence of the cause, or, without one, here.
func (d *diagnosis) failed(err error) {
	d.failure = err
	d.blocked(err)
	text, _ := inject.Brief(err)
	d.notice(report.Notice{Kind: report.Fallback, Message: text + "; reading the API only"})
}

// briefly is an error without what a kubelet or a registry said at length.
func briefly(err error) error {
	text, hint := inject.Brief(err)
	if hint != "" {
		text += "; " + hint
	}
	return errors.New(text)
}

func (d *diagnosis) write(started time.Time) (exitCode int, err error) {
	r := report.New(d.input(started))
	if d.baseline != nil {
		changes := report.Compare(d.baseline, r)
		r.Changes = &changes
	}
	if !d.printer.ForPeople {
		// The document has them too, but who pipes it away should know at once.
		d.tell(r.Notices)
	}
	o := printer.Options{Width: d.columns(d.Out), Color: d.colors(d.Out)}
	if err := d.printer.Print(d.Out, r, o); err != nil {
		return 0, fmt.Errorf("write the report: %w", err)
	}
	return r.Summary.ExitCode, nil
}

// tell writes the notices that change what the results are worth to stderr.
func (d *diagnosis) tell(notices []report.Notice) {
	for _, n := range notices {
		if n.Kind != report.Fallback && n.Kind != report.Cut || d.failure != nil && n.Kind == report.Fallback {
			continue // a failure is printed as the error that it is
		}
		fmt.Fprintf(d.ErrOut, "! %s\n", printer.Escape(n.Message))
		if n.Unlock != "" {
			fmt.Fprintf(d.ErrOut, "  to unlock: %s\n", printer.Escape(n.Unlock))
		}
	}
}

// interrupted ends a run that Ctrl-C has ended: what was found until then is
// printed, as incomplete, and then what became of the probe.
func (d *diagnosis) interrupted(started time.Time, left string) error {
	stopped := errors.New("interrupted; " + left)
	if d.facts == nil || len(d.results) == 0 || d.probe == nil {
		return stopped
	}
	d.notice(report.Notice{Kind: report.Cut, Message: "interrupted: this is what was found until then"})
	code, err := d.write(started)
	if err != nil {
		return err
	}
	return statusError{code, stopped}
}

// verdict is what the results come from, as far as is known now.
func (d *diagnosis) verdict() diagnose.Verdict {
	c := diagnose.NewCase(d.facts, d.results)
	c.Moved = d.moved
	if errors.Is(d.failure, inject.ErrImage) {
		c.NoImage = d.failure.Error()
	}
	c.Webhook, c.Kubelet = d.webhook, d.kubelet
	return d.causes.Diagnose(c)
}

func (d *diagnosis) input(started time.Time) report.Input {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := report.Input{
		Tool:    report.Tool{Version: version.Version, Build: version.Build()},
		Started: started, Took: d.now().Sub(started),
		To: d.flags.To, Context: d.context, Vantage: d.facts.Vantage,
		APIOnly: d.flags.NoInject, Notices: d.notices, Asked: d.facts.Asked(), Results: d.results,
	}
	for _, note := range d.facts.Notes {
		in.Notices = append(in.Notices, report.Notice{Kind: report.Unread, Message: note})
	}
	if ahead := d.facts.Ahead.Round(time.Second); ahead.Abs() >= skewTold {
		way := "ahead of"
		if ahead < 0 {
			way = "behind"
		}
		in.Notices = append(in.Notices, report.Notice{Kind: report.Note, Message: fmt.Sprintf(
			"this machine's clock is %s %s the API server's: times that the API tells are held against the server's", ahead.Abs(), way)})
	}
	for _, lost := range d.facts.Lost {
		in.Notices = append(in.Notices, report.Notice{Kind: report.Cut, Message: lost})
	}
	in.Verdict = d.verdict()
	in.Service = d.walked()
	if dns := d.facts.DNS.Service; dns != nil {
		in.DNSService = dns.Ref().String()
	}
	in.Network = d.facts.Network
	in.Policies, in.AskedPolicy = d.facts.Policies, d.askedPolicy
	if d.probe != nil {
		about := d.probe.Describe()
		in.Probe, in.Tasks = &about, d.tasks
		about.Resumed = d.resumed
		about.BuildSkew = about.Build != "" && about.Build != version.Build()
	}
	return in
}

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Options is how the corpus is run.
type Options struct {
	Bed *Bed
	Log io.Writer // progress, for people
	// Shallow and Deep choose the rungs. Neither: faults are injected, observed and
	// healed, and netlook does not run.
	Shallow, Deep bool
	// Reports is a folder for netlook's reports; empty: they are not kept.
	Reports string
	// Again plays a fault a second time whose first did not bite or whose verdict missed
	// the bar: the machine is shared, and its noise is no fault of the verdict's. That it
	// took two is told in the score.
	Again bool
}

// ErrNotHealed means that the cluster did not come back: no later score would mean
// anything.
var ErrNotHealed = errors.New("the cluster did not become healthy again")

// Play runs faults one after another. The error is that of the first that did not
// bite or did not heal; the rows are complete up to there.
func Play(ctx context.Context, o Options, faults []Fault) ([]Row, error) {
	var rows []Row
	var failed []error
	for _, fault := range faults {
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
		start := time.Now()
		if err := o.Bed.use(ctx, fault.Cluster); err != nil {
			return rows, fmt.Errorf("%s: %w", fault.Name, err)
		}
		row, err := o.play(ctx, fault)
		if o.Again && (err != nil || row.missed()) && !errors.Is(err, ErrNotHealed) && ctx.Err() == nil {
			first := row
			fmt.Fprintf(o.Log, "%-26s shallow: %-13s deep: %-13s once more (%v)\n", fault.Name, row.Shallow.Outcome, row.Deep.Outcome, err)
			row, err = o.play(ctx, fault)
			row.First = &first
		}
		rows = append(rows, row)
		fmt.Fprintf(o.Log, "%-26s shallow: %-13s deep: %-13s %.1f s\n", fault.Name, row.Shallow.Outcome, row.Deep.Outcome, time.Since(start).Seconds())
		if err != nil {
			err = fmt.Errorf("%s: %w", fault.Name, err)
			fmt.Fprintln(o.Log, "  error:", err)
			failed = append(failed, err)
		}
		if errors.Is(err, ErrNotHealed) {
			break
		}
	}
	return rows, errors.Join(failed...)
}

// play is one fault from a healthy cluster to a healthy cluster.
func (o Options) play(ctx context.Context, f Fault) (row Row, err error) {
	row = Row{Fault: f}
	work, err := os.MkdirTemp("", "netlook-fault-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(work)
	o.Bed.vars["WORK"] = work
	defer func() {
		// Also after Ctrl-C, and after an injection that failed half-way.
		err = errors.Join(err, o.heal(context.WithoutCancel(ctx), f))
	}()
	if err := o.inject(ctx, f); err != nil {
		row.Shallow.Outcome, row.Deep.Outcome = NotRun, NotRun
		return row, err
	}
	if f.Load {
		defer load()()
	}
	if o.Shallow {
		if row.Shallow, err = o.rung(ctx, f, f.Shallow, "", f.Repeat.Shallow); err != nil {
			return row, err
		}
	}
	if o.Deep {
		if row.Deep, err = o.rung(ctx, f, f.Deep, " --deep", f.Repeat.Deep); err != nil {
			return row, err
		}
	}
	if f.Observe != "" {
		if err := o.Bed.script(ctx, f.Observe); err != nil {
			row.Shallow.Outcome, row.Deep.Outcome = NotRun, NotRun
			return row, fmt.Errorf("the fault did not last until netlook had run: %w", err)
		}
	}
	return row, nil
}

func (o Options) inject(ctx context.Context, f Fault) error {
	if f.Setup != "" {
		if err := os.WriteFile(o.Bed.setupFile(), []byte(f.Setup), 0o600); err != nil {
			return err
		}
		if err := o.Bed.script(ctx, `kubectl apply -f "$WORK/setup.yaml"`); err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	if f.Inject != "" {
		if err := o.Bed.script(ctx, f.Inject); err != nil {
			return fmt.Errorf("inject: %w", err)
		}
	}
	if f.Observe == "" {
		return nil
	}
	if err := o.Bed.until(ctx, f.ObserveDeadline(), f.Observe); err != nil {
		return fmt.Errorf("the fault does not bite after %s: %w", f.ObserveDeadline(), err)
	}
	return nil
}

func (b *Bed) setupFile() string { return filepath.Join(b.vars["WORK"], "setup.yaml") }

// heal undoes everything and waits for proof.
func (o Options) heal(ctx context.Context, f Fault) error {
	var failed error
	if f.Heal != "" {
		if err := o.Bed.script(ctx, f.Heal); err != nil {
			failed = fmt.Errorf("heal: %w", err)
		}
	}
	if f.Setup != "" {
		if err := o.Bed.script(ctx, `kubectl delete --ignore-not-found --wait=false --force --grace-period=0 -f "$WORK/setup.yaml" 2>/dev/null`); err != nil {
			failed = errors.Join(failed, fmt.Errorf("delete the set-up: %w", err))
		}
	}
	if err := o.Bed.well(ctx, f.HealthyDeadline(), f.HealthyScript()); err != nil {
		return errors.Join(failed, fmt.Errorf("%w within %s: %w", ErrNotHealed, f.HealthyDeadline(), err))
	}
	return failed
}

// rung runs netlook on one rung and grades it.
func (o Options) rung(ctx context.Context, f Fault, want Expect, flags string, times int) (Score, error) {
	var runs []Run
	for i := range max(times, 1) {
		run, report, err := o.Bed.netlook(ctx, f.Run+flags)
		if err != nil {
			return Score{Outcome: NotRun}, err
		}
		runs = append(runs, run)
		if Grade(f, want, []Run{run}).missed(flags != "") {
			fmt.Fprintf(o.Log, "  %s%s missed; what its report holds:\n%s", f.Name, flags, Gist(report))
		}
		if run.Note != "" {
			fmt.Fprintf(o.Log, "  %s%s: no report: %s\n", f.Name, flags, run.Note)
		}
		if o.Reports != "" {
			name := fmt.Sprintf("%s%s-%d.json", f.Name, flags, i+1)
			if err := os.WriteFile(filepath.Join(o.Reports, name), report, 0o644); err != nil {
				return Score{Outcome: NotRun}, err
			}
		}
	}
	return Grade(f, want, runs), nil
}

// load keeps every processor busy until the function it returns is called.
func load() (stop func()) {
	var busy []*exec.Cmd
	for range runtime.NumCPU() {
		cmd := exec.Command("bash", "-c", "while :; do :; done")
		if cmd.Start() == nil {
			busy = append(busy, cmd)
		}
	}
	return func() {
		for _, cmd := range busy {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Options is what is measured.
type Options struct {
	Root   string // of the checkout
	Image  string // of the probe, as loaded into the cluster
	Rounds int
	Fill   Fill // no nodes: the cluster is not filled
	Log    func(format string, args ...any)
}

// Run measures everything and leaves the cluster as it was, however it ends.
func Run(ctx context.Context, o Options) (doc Document, err error) {
	began := time.Now()
	b, err := Open(ctx, o.Root, o.Image, o.Log)
	if err != nil {
		return doc, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	// What a run that was killed has left would be measured too.
	if err := b.Empty(ctx); err != nil {
		return doc, err
	}
	if doc.Machine, err = b.Machine(ctx); err != nil {
		return doc, err
	}
	if err := b.plain(ctx, o, &doc); err != nil {
		return doc, err
	}
	if o.Fill.Nodes > 0 {
		err = b.filled(ctx, o, &doc)
	} else {
		row := pluginRow("the filled cluster", o.Fill)
		row.Missing = "the cluster was not filled (-nodes 0)"
		doc.Rows = append(doc.Rows, row)
	}
	doc.Took = time.Since(began)
	return doc, err
}

// plain measures what needs no large cluster.
func (b *Bed) plain(ctx context.Context, o Options, doc *Document) error {
	steps := []struct {
		what string
		do   func() ([]Row, error)
	}{
		{"cold runs", func() ([]Row, error) { return one(b.Cold(ctx, o.Rounds)) }},
		{"warm runs", func() ([]Row, error) { return one(b.Warm(ctx, o.Rounds)) }},
		{"1,000 endpoints, alive", func() ([]Row, error) { return two(b.Alive(ctx, o.Rounds)) }},
		{"1,000 endpoints, dead", func() ([]Row, error) { return two(b.Dead(ctx, o.Rounds)) }},
		{"the probe's memory", func() ([]Row, error) { return one(b.Healthy(ctx, min(3, o.Rounds))) }},
		{"the plugin's memory", func() ([]Row, error) { return one(b.PluginRSS(ctx, "the test cluster", Fill{}, "warm", o.Rounds)) }},
		{"sizes", func() ([]Row, error) { return b.Sizes(ctx) }},
	}
	for _, step := range steps {
		since := time.Now()
		rows, err := step.do()
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		doc.Rows = append(doc.Rows, rows...)
		b.log("%s: %.0f s", step.what, time.Since(since).Seconds())
	}
	if err := b.pod(ctx, "calls"); err != nil {
		return err
	}
	traffic, err := b.CountCalls(ctx)
	if err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	doc.Calls = compare(traffic, nil)
	doc.DetailOf, doc.Detail = detailed, traffic[detailed].Kinds
	return nil
}

// filled measures on a cluster that is full of fake nodes and pods.
func (b *Bed) filled(ctx context.Context, o Options, doc *Document) (err error) {
	// The floors of discovery are those of the plain cluster, measured just before.
	plainTimes, err := b.discover(ctx, o.Rounds)
	if err != nil {
		return err
	}
	kwok, err := b.play()
	if err != nil {
		return err
	}
	// Deleted whatever happens, at Ctrl-C too; kwok goes last, since its nodes would
	// become unreachable and their pods evicted.
	defer func() {
		since := time.Now()
		err = errors.Join(err, b.Empty(context.WithoutCancel(ctx)), kwok.stop())
		b.log("emptied the cluster: %.0f s", time.Since(since).Seconds())
	}()
	since := time.Now()
	if err := b.Fill(ctx, o.Fill, kwok); err != nil {
		return fmt.Errorf("fill the cluster: %w", err)
	}
	b.log("filled the cluster with %s: %.0f s", o.Fill, time.Since(since).Seconds())
	doc.Filled = o.Fill.String()
	rows, err := b.discovery(ctx, o.Rounds, plainTimes)
	if err != nil {
		return err
	}
	doc.Rows = append(doc.Rows, rows...)
	rss, err := b.PluginRSS(ctx, "the filled cluster", o.Fill, "warm", o.Rounds)
	if err != nil {
		return err
	}
	doc.Rows = append(doc.Rows, rss)
	traffic, err := b.CountCalls(ctx)
	if err != nil {
		return fmt.Errorf("calls on the filled cluster: %w", err)
	}
	plain := map[string]Traffic{}
	for _, c := range doc.Calls {
		plain[c.Command] = c.Plain
	}
	doc.Calls = compare(plain, traffic)
	return nil
}

// discover measures runs that only read the API.
func (b *Bed) discover(ctx context.Context, rounds int) (Sample, error) {
	var s Sample
	for range rounds {
		r, err := b.run(ctx, []int{1, 2}, "kubectl", "netlook", "pod", "warm", "-n", namespace, "--to", "svc/web", "--no-inject")
		if err != nil {
			return nil, err
		}
		s.AddTime(r.took)
	}
	return s, nil
}

// discovery measures them on the filled cluster, beside a kubectl that is answered once
// and beside the plain cluster.
func (b *Bed) discovery(ctx context.Context, rounds int, plain Sample) ([]Row, error) {
	get, filled, err := alternate(rounds,
		func(int) (float64, error) { return b.get(ctx, "warm") },
		func(int) (float64, error) {
			s, err := b.discover(ctx, 1)
			return s.Median(), err
		})
	if err != nil {
		return nil, err
	}
	return []Row{
		{What: "discovery (`pod --no-inject`) on the filled cluster", Unit: Seconds, Floor: "`kubectl get pod` on it", Floors: get, Values: filled},
		{What: "the same", Unit: Seconds, Floor: "discovery on the plain cluster", Floors: plain, Values: filled},
	}, nil
}

func one(r Row, err error) ([]Row, error)    { return []Row{r}, err }
func two(a, b Row, err error) ([]Row, error) { return []Row{a, b}, err }

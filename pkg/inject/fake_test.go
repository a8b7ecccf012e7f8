package inject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// container is a real probe runtime behind attaches and a log that behave like a
// container runtime's: output goes to whoever is attached, and is not replayed.
type container struct {
	stdin *io.PipeWriter
	kill  context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	attached map[int]io.Writer
	next     int
	log      bytes.Buffer
	// lose drops the next so many writes to attached clients; the log has them.
	lose int
	// attaches counts those made.
	attaches int
	// refuse makes attaches fail.
	refuse error
	drops  []func() // ends each present attach
	// speaks, when not 0, makes the probe one of another wire version: its frames bear
	// that, and those of ours it cannot read.
	speaks int
}

func (c *container) Write(p []byte) (int, error) {
	n := len(p)
	c.mu.Lock()
	if c.speaks != 0 {
		p = bytes.ReplaceAll(p, []byte(`{"v":1,`), fmt.Appendf(nil, `{"v":%d,`, c.speaks))
	}
	c.log.Write(p)
	var to []io.Writer
	if c.lose > 0 {
		c.lose--
	} else {
		for _, w := range c.attached {
			to = append(to, w)
		}
	}
	c.mu.Unlock()
	for _, w := range to {
		_, _ = w.Write(p)
	}
	return n, nil
}

// feed is the probe's stdin.
func (c *container) feed(p []byte) (int, error) {
	n := len(p)
	if c.speaks != 0 {
		p = bytes.ReplaceAll(p, []byte(`{"v":1,`), []byte(`{"v":99,`))
	}
	_, err := c.stdin.Write(p)
	return n, err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// run starts the probe. Change, when not nil, adapts its configuration.
func run(t *testing.T, change func(*probe.Config)) *container {
	t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &container{stdin: pw, kill: cancel, ended: make(chan struct{}), attached: map[int]io.Writer{}}
	cfg := probe.Config{
		In: pr, Out: c, Log: io.Discard, Registry: registry(), Version: "v1", Build: version.Build(),
		Wait: 30 * time.Second, MaxIdle: 10 * time.Minute, Lifetime: 15 * time.Minute, Concurrency: 100,
	}
	if change != nil {
		change(&cfg)
	}
	go func() {
		probe.Run(ctx, cfg)
		close(c.ended)
		c.drop()
		pr.Close()
	}()
	t.Cleanup(func() {
		cancel()
		pw.Close()
		<-c.ended
		time.Sleep(time.Hour) // timers of goroutines that were left
	})
	return c
}

// mistreat changes how it behaves.
func (c *container) mistreat(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// drop cuts all attaches.
func (c *container) drop() {
	c.mu.Lock()
	drops := c.drops
	c.drops = nil
	c.mu.Unlock()
	for _, d := range drops {
		d()
	}
}

func (c *container) attach(ctx context.Context, s streams) error {
	c.mu.Lock()
	c.attaches++
	if c.refuse != nil {
		defer c.mu.Unlock()
		return c.refuse
	}
	select {
	case <-c.ended:
		c.mu.Unlock()
		return errors.New("container not running")
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	id := c.next
	c.next++
	c.attached[id] = s.stdout
	c.drops = append(c.drops, cancel)
	c.mu.Unlock()
	go func() {
		_, _ = io.Copy(writerFunc(c.feed), s.stdin)
		cancel()
	}()
	<-ctx.Done()
	c.mu.Lock()
	delete(c.attached, id)
	c.mu.Unlock()
	return errors.New("stream cut")
}

func registry() *check.Registry {
	var reg check.Registry
	add := func(id string, run func(context.Context, check.Task) check.Result) {
		reg.Add(check.Check{ID: id, Area: "test", Summary: "test", Run: run, Plan: func(*facts.Facts) []check.Task { return nil }})
	}
	add("pass", func(context.Context, check.Task) check.Result { return check.Result{Status: check.Pass, Summary: "ok"} })
	// sleep passes shortly before its deadline.
	add("sleep", func(ctx context.Context, t check.Task) check.Result {
		select {
		case <-time.After(t.Timeout.D() - time.Millisecond):
			return check.Result{Status: check.Pass, Summary: "slept"}
		case <-ctx.Done():
			return check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "woken"}
		}
	})
	return &reg
}

// tasks makes n tasks that pass at once, and one more for each duration that takes so
// long.
func tasks(n int, slow ...time.Duration) []check.Task {
	var list []check.Task
	for i := range n {
		list = append(list, check.Task{ID: fmt.Sprint("pass ", i), Check: "pass", Timeout: check.Duration(time.Second)})
	}
	for _, d := range slow {
		list = append(list, check.Task{ID: fmt.Sprint("sleep ", d), Check: "sleep", Timeout: check.Duration(d)})
	}
	return list
}

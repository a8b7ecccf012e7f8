package inject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
	"github.com/netlook/kubectl-netlook/test/hostile"
)

// liar is a container with a hostile probe in it. Its log holds what was said last.
type liar struct {
	attack string
	mu     sync.Mutex
	log    bytes.Buffer
	dead   bool
}

func (l *liar) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log.Len() > 4<<20 {
		l.log.Reset()
	}
	return l.log.Write(p)
}

func (l *liar) attach(ctx context.Context, _ place, s streams) error {
	l.mu.Lock()
	dead := l.dead
	l.mu.Unlock()
	if dead {
		return errors.New("container not running")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan struct{})
	go func() {
		defer close(served)
		hostile.Serve(l.attack, s.stdin, io.MultiWriter(l, s.stdout), hostile.Options{Part: 300, Die: func() {
			l.mu.Lock()
			l.dead = true
			l.mu.Unlock()
			cancel()
		}})
	}()
	select {
	case <-served:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (l *liar) logs(context.Context, place, logOptions) (io.ReadCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(l.log.Bytes()))), nil
}

// TestHostileProbes: against each attack a run ends in time, is complete only where every
// task was answered as it should be, and gives on no character that a terminal would obey.
func TestHostileProbes(t *testing.T) {
	// These answer every task, and say in all ways that it failed.
	answering := []string{"escapes", "markup", "tables", "utf8"}
	for _, name := range hostile.Names() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(time.Minute) // attacks notice that nobody listens
				w := newWorld(t, testPod())
				l := &liar{attack: name}
				e := w.env()
				e.attach, e.logs = l.attach, l.logs
				var told []string
				o := w.options()
				o.Events = func(e Event) { told = append(told, e.Text) }
				p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", env: e, opts: completed(t, o), began: time.Now()}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				contact, err := p.attempt(ctx, 0)
				if err != nil {
					if name != "busy" {
						t.Fatal(err)
					}
					told = append(told, err.Error())
					return
				}
				p.adopt(contact)
				p.started()
				list := tasks(8)
				var got []check.Result
				began := time.Now()
				const deadline = 6 * time.Second
				outcome, err := p.Run(t.Context(), list, deadline, func(r check.Result) { got = append(got, r) })
				if took := time.Since(began); took > deadline+deadlineSpare+logWait {
					t.Errorf("took %s", took)
				}
				if err != nil {
					told = append(told, err.Error())
				}
				told = append(told, outcome.Reason)
				if complete := slices.Contains(answering, name); outcome.Complete != complete || !complete && outcome.Reason == "" && err == nil {
					t.Errorf("%+v, %v", outcome, err)
				}
				for _, r := range got {
					if r.Status == check.Pass && outcome.Complete {
						t.Errorf("a pass: %+v", r)
					}
				}
				for _, text := range append(told, texts(t, got)...) {
					if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' }); i >= 0 {
						t.Errorf("told raw: %q", text)
					}
				}
				if err := p.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// texts are all strings in a value, also those that are keys.
func texts(t *testing.T, value any) []string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if err != nil {
			return list
		}
		if text, ok := token.(string); ok {
			list = append(list, text)
		}
	}
}

// TestRefusalsDoNotFillTheQueue: a probe that refuses the plan a thousand times, and
// reads nothing meanwhile, is not sent a thousand plans: they would wait in memory.
func TestRefusalsDoNotFillTheQueue(t *testing.T) {
	for _, code := range []string{wire.CodeUnreadable, wire.CodeNotOpen} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refuse := func(ctx context.Context, _ place, s streams) error {
					open, err := wire.NewReader(s.stdin).Next()
					if err != nil {
						return err
					}
					head, w := wire.Head{Session: open.SessionID()}, wire.NewWriter(s.stdout)
					for range 1_000 {
						for _, f := range []wire.Frame{&wire.Hello{Head: head, Left: check.Duration(time.Hour)}, &wire.Reject{Head: head, Code: code}} {
							if err := w.Write(f); err != nil {
								return err
							}
						}
					}
					<-ctx.Done()
					return ctx.Err()
				}
				w := newWorld(t, testPod())
				e := w.env()
				e.attach = refuse
				p := &Probe{Namespace: "shop", Pod: "web-0", Container: "c", env: e, opts: completed(t, w.options()), began: time.Now()}
				contact, err := p.attempt(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				p.adopt(contact)
				p.started()
				list := tasks(2000)
				plan, err := wire.Split(wire.Plan{Tasks: list})
				if err != nil {
					t.Fatal(err)
				}
				whole := 0
				for _, part := range plan {
					line, err := wire.Encode(part)
					if err != nil {
						t.Fatal(err)
					}
					whole += len(line)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if o, err := p.Run(ctx, list, 10*time.Second, func(check.Result) {}); o.Complete || err == nil {
					t.Errorf("%+v, %v", o, err)
				}
				queued := 0
				p.conn.out.mu.Lock()
				for _, line := range p.conn.out.lines {
					queued += len(line)
				}
				p.conn.out.mu.Unlock()
				if queued > 2*whole {
					t.Errorf("%d bytes wait to be sent, a plan has %d", queued, whole)
				}
				if err := p.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

package inject

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// TestRefusalsDoNotFillTheQueue: a probe that refuses the plan ten thousand times, and
// reads nothing meanwhile, is not sent ten thousand plans: they would wait in memory.
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
					for range 10_000 {
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

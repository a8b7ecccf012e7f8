package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// ask lets a witness do tasks.
func (d *diagnosis) ask(ctx context.Context, w *witness, tasks []check.Task, onResult func(check.Result)) {
	d.hear(ctx, w.probe, "node "+w.node, tasks, onResult)
}

// hear lets a probe somewhere do tasks. A session that was cut has results missing.
func (d *diagnosis) hear(ctx context.Context, probe prober, where string, tasks []check.Task, onResult func(check.Result)) {
	out, err := probe.Run(ctx, tasks, d.remaining(ctx), onResult)
	if err == nil && out.incomplete != "" {
		err = errors.New(out.incomplete)
	}
	if err != nil {
		d.unseen(ctx, where, err)
	}
	if out.kubelet != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.kubelet = out.kubelet
	}
}

// unseen tells what --deep did not get to see. Where it was asked for, a run without it
// is not a whole one, unless it is somebody's will: then what would unlock it is told,
// and the shallow verdict stands. So it does with --deep=auto, which promises nothing.
func (d *diagnosis) unseen(ctx context.Context, what string, err error) {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return // interrupted says so
	}
	kind := report.Cut
	if d.flags.Deep == deepAuto || willed(err) {
		kind = report.Note
	}
	d.notice(report.Notice{Kind: kind, Message: fmt.Sprintf("%s: %v", what, d.explain(ctx, err))})
}

// willed reports whether a node cannot be looked at because somebody, or what was chosen
// for the cluster, does not let it: rights, admission, a quota, an image that is not to
// be had there, Windows. A node that is gone or silent, a probe that does not start and an
// API server that does not answer are nobody's will.
func willed(err error) bool {
	for _, kind := range []error{inject.ErrNotAllowed, inject.ErrRefused, inject.ErrUnsupported, inject.ErrImage, cluster.ErrForbidden} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.Is(err, cluster.ErrVantage) && !errors.Is(err, cluster.ErrSilent)
}

// blocked keeps what the API server says stands between it and a probe, for the causes. It
// reports whether that is a webhook which nobody can ask: no probe can be made then,
// wherever.
func (d *diagnosis) blocked(err error) bool {
	var own *inject.Error
	if !errors.As(err, &own) {
		return false
	}
	d.webhook, d.kubelet = cmp.Or(own.Webhook, d.webhook), cmp.Or(own.Kubelet, d.kubelet)
	return own.Webhook != nil
}

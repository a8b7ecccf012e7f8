package cli

import (
	"context"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// realBackend is a cluster.
type realBackend struct{ *cluster.Client }

func connect(getter genericclioptions.RESTClientGetter) (backend, error) {
	client, err := cluster.New(getter)
	if err != nil {
		return nil, err
	}
	return realBackend{client}, nil
}

func (b realBackend) Inject(ctx context.Context, v vantage, o inject.Options) (prober, error) {
	var probe *inject.Probe
	var err error
	if v.kind == facts.VantageNode {
		probe, err = inject.Node(ctx, b.Clientset(), b.RESTConfig(), v.namespace, v.node, o)
	} else {
		probe, err = inject.Pod(ctx, b.Clientset(), b.RESTConfig(), v.pod, o)
	}
	if err != nil {
		return nil, err // not a nil *Probe in an interface
	}
	return realProbe{probe, v.kind, o.Image}, nil
}

func (b realBackend) Shell(ctx context.Context, v vantage, o inject.ShellOptions) (inject.ShellEnd, error) {
	if v.kind == facts.VantageNode {
		return inject.ShellOnNode(ctx, b.Clientset(), b.RESTConfig(), v.namespace, v.node, o)
	}
	return inject.ShellInPod(ctx, b.Clientset(), b.RESTConfig(), v.pod, o)
}

func (b realBackend) Cleanup(ctx context.Context, o inject.CleanupOptions) (inject.Cleaned, error) {
	return inject.Cleanup(ctx, b.Clientset(), o)
}

// realProbe is a probe in that cluster.
type realProbe struct {
	*inject.Probe
	kind  facts.VantageKind
	image string
}

func (p realProbe) Run(ctx context.Context, tasks []check.Task, deadline time.Duration, onResult func(check.Result)) (outcome, error) {
	out, err := p.Probe.Run(ctx, tasks, deadline, onResult)
	o := outcome{incomplete: out.Reason, resumed: out.Resumed, kubelet: out.Kubelet}
	if !out.Complete && o.incomplete == "" {
		o.incomplete = "the session with the probe ended early"
	}
	return o, err
}

func (p realProbe) Describe() report.Probe {
	about := report.Probe{
		Container: p.Container, Namespace: p.Namespace, Image: p.image, Version: p.Hello.Version, Build: p.Hello.Build,
		Warm: p.Warm, StartedIn: check.Duration(p.StartedIn), Capabilities: p.Hello.Capabilities,
	}
	if p.kind == facts.VantageNode {
		about.Container = p.Pod // a pod of its own, to be found by its name
	}
	return about
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// ofKind reads what stands after `pod` or `node`: a name, or KIND/NAME of that kind. A
// workload is as good as a pod, since it has some.
func ofKind(arg string, kind target.Kind) (target.Target, error) {
	raw := arg
	if !strings.Contains(arg, "/") {
		raw = string(kind) + "/" + arg
	}
	t, err := target.Parse(raw)
	switch {
	case err != nil:
		return t, cmp.Or(inNamespace(arg, string(kind)), err)
	case t.Kind == target.Workload && kind == target.Pod:
	case t.Kind != kind:
		return t, fmt.Errorf("%s is a %s, not a %s: %s", arg, t.Kind, kind, instead(t))
	}
	if t.Port != 0 || t.PortName != "" {
		return t, fmt.Errorf("%s: the place to look from has no port; ports belong to --to", arg)
	}
	return t, nil
}

// verbOf is the command that looks at targets of a kind, "" for none.
func verbOf(t target.Target) string {
	switch t.Kind {
	case target.Pod, target.Workload:
		return "pod"
	case target.Service, target.Node:
		return string(t.Kind)
	}
	return ""
}

// instead says with which command a target is looked at, or looked for.
func instead(t target.Target) string {
	verb := verbOf(t)
	if verb == "" {
		return "try kubectl netlook pod POD --to " + shellescape.Quote(t.Raw)
	}
	name := t.Name
	if t.Kind == target.Workload {
		name = t.Word() + "/" + name
	}
	line := "try " + program + " " + verb + " " + name
	if t.Namespace != "" {
		line += " -n " + t.Namespace
	}
	return line
}

// inNamespace is the error for NAMESPACE/NAME, nil for what is no such thing.
func inNamespace(arg, verb string) error {
	namespace, name, _ := strings.Cut(arg, "/")
	if target.LikeKind(namespace) || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return nil
	}
	return fmt.Errorf("%s: a namespace is named with -n: %s %s %s -n %s", arg, program, verb, name, namespace)
}

// resolveVantage chooses the pod to look from, where a workload was named.
func (d *diagnosis) resolveVantage(ctx context.Context) error {
	w := d.vantage.workload
	if w == nil {
		return nil
	}
	pod, err := d.backend.ChoosePodOf(ctx, *w)
	if err != nil {
		return err
	}
	d.vantage.name = pod
	d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf("looked at from pod %s of %s/%s: it suits best of those that run", pod, w.Word(), w.Name)})
	return nil
}

// diagnose is what `pod` and `node` have in common: Flags -> Options -> Run.
func (a *app) diagnose(cmd *cobra.Command, flags diagnoseFlags, find func(backend) (vantage, error)) error {
	o, err := flags.options()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	b, err := a.connect(a.kube)
	if err != nil {
		return err
	}
	v, err := find(b)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	d := &diagnosis{seams: a.seams, options: o, backend: b, context: a.contextName(), vantage: v}
	if flags.ToServices {
		if err := d.addServices(cmd.Context()); err != nil {
			return err
		}
	}
	return d.Run(cmd.Context())
}

// maxAllServices is how many services --to-all-services tries.
const maxAllServices = 50

// addServices makes every service of the vantage point's namespace a target.
func (d *diagnosis) addServices(ctx context.Context) error {
	names, err := d.backend.ServiceNames(ctx, d.vantage.namespace, "")
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		return fmt.Errorf("--to-all-services: there is no service in namespace %s", d.vantage.namespace)
	case len(names) > maxAllServices:
		d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf("of the services in namespace %s the first %d are tried", d.vantage.namespace, maxAllServices)})
		names = names[:maxAllServices]
	}
	for _, name := range names {
		t, err := target.Parse("svc/" + d.vantage.namespace + "/" + name)
		if err != nil {
			return err
		}
		t.Raw = "svc/" + name
		d.targets = append(d.targets, t)
	}
	return nil
}

// contextName is the kubeconfig context that is used, "" in a cluster.
func (a *app) contextName() string {
	if *a.kube.Context != "" {
		return *a.kube.Context
	}
	raw, err := a.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "" // the client has been made of it, so this is no news
	}
	return raw.CurrentContext
}

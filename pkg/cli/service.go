package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func (a *app) serviceCommand() *cobra.Command {
	var flags diagnoseFlags
	var from string
	cmd := &cobra.Command{
		Use:     "service NAME[:PORT] [--from pod/NAME|node/NAME]",
		Aliases: []string{"services", "svc"},
		Short:   "Follow a service the way a packet does, and say where it ends",
		Long: longText(`
			Follow a service the way a packet does, and say at which step the way ends: its
			name, or the chain of aliases of an ExternalName; its ClusterIPs, and to which
			endpoints topology hints keep this node; its ports, by their numbers in the pods;
			each endpoint by itself; what the applications behind them answer, with gRPC's
			health; and the ways in from outside: node ports, load balancer, Ingresses, and
			routes of the Gateway API.

			The table has one line for each step, and more only where something is wrong:
			-o wide has every DNS query, port and endpoint.

			It looks from a running pod of the service's namespace that is not behind it, or
			else from a node; --from names another place. --deep also asks the kernels of the
			nodes to which endpoints they hand connections over. --from-outside also tries the
			ways in from this machine, and puts nothing more into the cluster.

			The probe, and the rights that it takes, are those of 'kubectl netlook pod', or of
			'kubectl netlook node' where it looks from a node.`),
		Example: templates.Examples(`
			# Where does the way to this service end?
			kubectl netlook service payments -n shop

			# As one client sees it, and to which endpoints the kernel hands its connections
			kubectl netlook service payments -n shop --from pod/checkout-7d9f --deep

			# Does it work from inside the cluster, and not from this machine?
			kubectl netlook service payments -n shop --from-outside

			# One port of it, from a node
			kubectl netlook service payments:https -n shop --from node/w1`),
		Args: exactlyOne("service"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.walk(cmd, flags, args[0], from) },
	}
	flags.add(cmd, a.getenv)
	flags.addPod(cmd)
	flags.addNode(cmd)
	cmd.Flags().BoolVar(&flags.Outside, "from-outside", false, "also try its node ports, balancer addresses, external IPs and the rules of its Ingresses and routes from this machine")
	cmd.Flags().StringVar(&from, "from", "", "`PLACE` to look from: pod/NAME or node/NAME (default: a pod of the service's namespace that is not behind it)")
	cmd.ValidArgsFunction = a.completeFirst(func(ctx context.Context, b backend, prefix string) ([]string, error) {
		return b.ServiceNames(ctx, b.Namespace(), prefix)
	})
	a.completeTargets(cmd)
	a.completeKinds(cmd, "from", "pod/", "node/")
	return cmd
}

// walk is `service`: the service becomes the first target of a run from one place.
func (a *app) walk(cmd *cobra.Command, flags diagnoseFlags, arg, from string) error {
	service, err := serviceTarget(arg)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	if err := checkFrom(cmd, from); err != nil {
		return err
	}
	o, err := flags.options()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	b, err := a.connect(a.kube)
	if err != nil {
		return err
	}
	if service.Namespace != "" && *a.kube.Namespace != "" && *a.kube.Namespace != service.Namespace {
		return usagef(cmd, "%s is in namespace %s, but -n says %s", arg, service.Namespace, *a.kube.Namespace)
	}
	service.Namespace = cmp.Or(service.Namespace, b.Namespace())
	o.targets = append([]target.Target{service}, o.targets...)
	d := &diagnosis{seams: a.seams, options: o, backend: b, context: a.contextName(), service: &service}
	if d.vantage, err = a.placeToLookFrom(cmd, d, from); err != nil {
		return err
	}
	return d.Run(cmd.Context())
}

// serviceTarget reads NAME, NAME:PORT, svc/NAME and svc/NAMESPACE/NAME.
func serviceTarget(arg string) (target.Target, error) {
	raw := arg
	if !strings.Contains(arg, "/") {
		raw = "svc/" + arg
	}
	t, err := target.Parse(raw)
	switch {
	case err != nil:
		err = cmp.Or(inNamespace(arg, "service"), err)
	case t.Kind != target.Service:
		err = fmt.Errorf("%s is a %s, not a service: %s", arg, t.Kind, instead(t))
	}
	return t, err
}

// placeToLookFrom is what --from says, or what the cluster offers.
func (a *app) placeToLookFrom(cmd *cobra.Command, d *diagnosis, from string) (vantage, error) {
	namespace := d.service.Namespace
	if from == "" {
		choice, err := d.backend.Choose(cmd.Context(), namespace, d.service.Name)
		if err != nil {
			return vantage{}, err
		}
		d.notice(report.Notice{Kind: report.Note, Message: "looked at from " + cmp.Or(podWord(choice.Pod), "node "+choice.Node) + ": " + choice.Why + "; --from chooses another"})
		if choice.Pod != "" {
			return vantage{kind: facts.VantagePod, namespace: namespace, name: choice.Pod}, nil
		}
		return placeOf(cmd, d, "node/"+choice.Node, namespace)
	}
	return placeOf(cmd, d, from, namespace)
}

func podWord(name string) string {
	if name == "" {
		return ""
	}
	return "pod " + name
}

// walked is the service that was asked about, as the API has it: by its name alone where
// it could not be read. nil when none was.
func (d *diagnosis) walked() *facts.Service {
	if d.service == nil {
		return nil
	}
	for i, s := range d.facts.Services {
		if s.Namespace == d.service.Namespace && s.Name == d.service.Name {
			return &d.facts.Services[i]
		}
	}
	return &facts.Service{Namespace: d.service.Namespace, Name: d.service.Name, EndpointsUnknown: true}
}

// again are the tasks to repeat while the nodes' kernels are watched: what fails, and
// what goes through the service that is walked, to see to whom it is handed over.
func (d *diagnosis) again() []check.Task {
	tasks := d.failing()
	s := d.walked()
	if s == nil {
		return append(tasks, d.control(tasks)...)
	}
	for _, t := range d.tasks {
		if t.Check != "service.vip" || t.Subject != "service/"+s.Ref().String() || slices.ContainsFunc(tasks, func(o check.Task) bool { return o.ID == t.ID }) {
			continue
		}
		t.Timeout = check.Duration(min(t.Timeout.D(), repeatTimeout))
		tasks = append(tasks, t)
	}
	tasks = tasks[:min(len(tasks), maxRepeated)]
	return append(tasks, d.control(tasks)...)
}

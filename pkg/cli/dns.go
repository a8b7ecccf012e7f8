package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// dnsChecks are what `dns` runs, by the beginning of their names.
var dnsChecks = []string{"dns.", "vantage.", "gateway.", "state.dns", "state.corefile", "state.pod", "state.node", "node."}

func (a *app) dnsCommand() *cobra.Command {
	var flags diagnoseFlags
	var from string
	cmd := &cobra.Command{
		Use:   "dns [NAME ...] [--from pod/NAME|node/NAME]",
		Short: "Show what a pod's resolver really asks, and what each DNS server answers",
		Long: longText(`
			Show what a pod's resolver really asks for a name: every query of the search list
			in order, with ndots, A and AAAA, and what came back; and what each DNS server of
			the cluster answers by itself and through the ClusterIP, over UDP and TCP.

			The servers that CoreDNS forwards to are asked one by one: those that its Corefile
			names from here, those of its node's resolv.conf from that node (--deep).

			The pod's dnsPolicy and CoreDNS's Corefile are looked at as well, and pairs of
			questions are sent as resolvers send them, which shows the conntrack race that
			makes lookups take 5 s. Without a name, kubernetes.default is looked up, and
			kubernetes.io, which lies outside the cluster (--external none leaves that out).

			The probe, and the rights that it takes, are those of 'kubectl netlook pod', or of
			'kubectl netlook node' where --from names a node.`),
		Example: templates.Examples(`
			# Does DNS work for the pods of this namespace?
			kubectl netlook dns -n shop

			# What does this pod ask for that name, and how often?
			kubectl netlook dns payments.shop example.com --from pod/checkout-7d9f -n shop

			# And what do the kernels of the nodes say, and the servers in their resolv.conf?
			kubectl netlook dns --from pod/checkout-7d9f -n shop --deep`),
		RunE: func(cmd *cobra.Command, args []string) error { return a.dns(cmd, flags, args, from) },
	}
	flags.add(cmd, a.getenv)
	flags.addPod(cmd)
	flags.addNode(cmd)
	_ = cmd.Flags().MarkHidden("to") // the flags of every command; here it is told what to type
	cmd.Flags().StringVar(&from, "from", "", "`PLACE` to look from: pod/NAME or node/NAME (default: a running pod of the namespace)")
	a.completeKinds(cmd, "from", "pod/", "node/")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func (a *app) dns(cmd *cobra.Command, flags diagnoseFlags, names []string, from string) error {
	for _, name := range names {
		if bad := validation.IsDNS1123Subdomain(strings.ToLower(strings.TrimSuffix(strings.ReplaceAll(name, "_", "-"), "."))); len(bad) > 0 {
			return usagef(cmd, "%q is no name of DNS: letters, digits and '-', with single dots between, as in web.shop", name)
		}
	}
	if err := checkFrom(cmd, from); err != nil {
		return err
	}
	if len(flags.To) > 0 {
		return usagef(cmd, "dns asks for names and tries no target: kubectl netlook dns NAME, or kubectl netlook pod POD --to %s", flags.To[0])
	}
	o, err := flags.options()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	b, err := a.connect(a.kube)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"kubernetes.default"}
		if o.externalDefault {
			// Absolute: how many queries it takes otherwise was not the question.
			names = append(names, strings.Split(wellKnown, ":")[0]+".")
		}
	}
	d := &diagnosis{seams: a.seams, options: o, backend: b, context: a.contextName(), names: names, only: dnsChecks}
	if from == "" {
		pod, err := b.ChoosePod(cmd.Context(), b.Namespace())
		if err != nil {
			return err
		}
		d.notice(report.Notice{Kind: report.Note, Message: fmt.Sprintf("looked at from pod %s: the first of namespace %s that runs; --from chooses another", pod, b.Namespace())})
		from = "pod/" + pod
	}
	if d.vantage, err = placeOf(cmd, d, from, b.Namespace()); err != nil {
		return err
	}
	return d.Run(cmd.Context())
}

// readFrom reads --from: a pod, by its name alone too, or a node.
func readFrom(cmd *cobra.Command, from string) (target.Target, error) {
	if !strings.Contains(from, "/") {
		from = "pod/" + from
	}
	t, err := target.Parse(from)
	switch {
	case err != nil:
		return t, usagef(cmd, "--from: %w", err)
	case t.Port != 0 || t.PortName != "":
		return t, usagef(cmd, "--from: %s: the place to look from has no port", from)
	case t.Kind != target.Pod && t.Kind != target.Node:
		return t, usagef(cmd, "--from: %s is no place to look from: pod/NAME or node/NAME", from)
	}
	return t, nil
}

// checkFrom judges --from before any cluster is asked.
func checkFrom(cmd *cobra.Command, from string) error {
	if from == "" {
		return nil
	}
	_, err := readFrom(cmd, from)
	return err
}

// placeOf is the place that --from names.
func placeOf(cmd *cobra.Command, d *diagnosis, from, namespace string) (vantage, error) {
	t, err := readFrom(cmd, from)
	if err != nil {
		return vantage{}, err
	}
	if t.Kind == target.Pod {
		return vantage{kind: facts.VantagePod, namespace: cmp.Or(t.Namespace, namespace), name: t.Name}, nil
	}
	d.flags.Profile = nodeProfile
	return vantage{kind: facts.VantageNode, namespace: cmp.Or(d.flags.Namespace, d.backend.Namespace()), name: t.Name}, nil
}

// wanted reports whether a run takes a check: all, unless it is about some only.
func (d *diagnosis) wanted(check string) bool {
	return len(d.only) == 0 || slices.ContainsFunc(d.only, func(prefix string) bool { return strings.HasPrefix(check, prefix) })
}

package cluster

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	maxIngresses    = 500 // of a namespace that are looked through
	maxIngressRules = 50  // that lead to one service
	defaultClass    = "ingressclass.kubernetes.io/is-default-class"
	oldClass        = "kubernetes.io/ingress.class" // the annotation before IngressClass
)

// ingressSteps read which rules of Ingresses lead to the services that were asked about.
func (g *gatherer) ingressSteps() []step {
	var steps []step
	for i := range g.facts.Services {
		if s := &g.facts.Services[i]; s.Asked != "" && s.Type != "ExternalName" {
			steps = append(steps, func(ctx context.Context) error { return g.ingresses(ctx, s) })
		}
	}
	return steps
}

// ingresses reads them for one service. Without the right to list them nothing is noted:
// it is one way in among others.
func (g *gatherer) ingresses(ctx context.Context, s *facts.Service) error {
	seen := 0
	var found []*networkingv1.Ingress
	err := each(ctx, g.Client, "list ingresses in namespace "+s.Namespace, metav1.ListOptions{}, g.clientset.NetworkingV1().Ingresses(s.Namespace).List, func(i *networkingv1.Ingress) error {
		if seen++; seen > maxIngresses {
			return errEnough
		}
		if len(rulesTo(i, s.Name)) > 0 {
			found = append(found, i)
		}
		return nil
	})
	if err != nil {
		return g.unanswered(ctx, "ingresses in namespace "+s.Namespace, err)
	}
	if len(found) == 0 {
		return ctx.Err()
	}
	classes, known := g.ingressClasses(ctx)
	secrets := secretReader{gatherer: g, namespace: s.Namespace, read: map[string]secretFound{}}
	for _, i := range found {
		for _, rule := range rulesTo(i, s.Name) {
			rule.Class = cmp.Or(deref(i.Spec.IngressClassName), i.Annotations[oldClass])
			rule.Class = plain(rule.Class, maxWord)
			rule.ClassKnown = known
			if rule.Class == "" {
				rule.ClassExists = slices.ContainsFunc(classes, func(c classOf) bool { return c.isDefault })
			} else {
				rule.ClassExists = slices.ContainsFunc(classes, func(c classOf) bool { return c.name == rule.Class }) || i.Spec.IngressClassName == nil
			}
			// One that was given an address is served, whatever its class.
			rule.ClassExists = rule.ClassExists || len(i.Status.LoadBalancer.Ingress) > 0
			rule.Addresses = ingressAddresses(i)
			if len(s.Ingresses) < maxIngressRules {
				rule.TLS = secrets.forHost(ctx, i, rule.Host)
				s.Ingresses = append(s.Ingresses, rule)
			}
		}
	}
	return ctx.Err()
}

// ingressAddresses are those that whoever serves the Ingress has written into its status.
func ingressAddresses(i *networkingv1.Ingress) []string {
	var list []string
	for _, b := range i.Status.LoadBalancer.Ingress[:min(len(i.Status.LoadBalancer.Ingress), maxBalancers)] {
		if at := cmp.Or(b.IP, b.Hostname); at != "" {
			list = append(list, plain(at, maxWord))
		}
	}
	return list
}

// plainPath is what can be asked for as it stands. Controllers take patterns too, where
// the type of the path leaves its meaning to them.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/_.~-]*$`)

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// rulesTo are the rules of an Ingress that lead to a service, and its default backend.
func rulesTo(i *networkingv1.Ingress, service string) []facts.IngressRule {
	var list []facts.IngressRule
	add := func(host, path string, kind *networkingv1.PathType, b *networkingv1.IngressServiceBackend) {
		if b == nil || b.Name != service {
			return
		}
		port, _ := portNumber(b.Port.Number)
		list = append(list, facts.IngressRule{
			Ingress: plain(i.Name, maxWord), Host: plain(host, maxWord), Path: plain(path, maxWord), Port: port, PortName: plain(b.Port.Name, maxWord),
			Pattern: !plainPath.MatchString(cmp.Or(path, "/")) || kind != nil && *kind == networkingv1.PathTypeImplementationSpecific && path != "/",
		})
	}
	if i.Spec.DefaultBackend != nil {
		add("*", "/", nil, i.Spec.DefaultBackend.Service)
	}
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			add(cmp.Or(rule.Host, "*"), cmp.Or(path.Path, "/"), path.PathType, path.Backend.Service)
		}
	}
	return list
}

type classOf struct {
	name      string
	isDefault bool
}

// ingressClasses lists the classes of the cluster; known is false where that is not allowed.
func (g *gatherer) ingressClasses(ctx context.Context) (list []classOf, known bool) {
	err := each(ctx, g.Client, "list ingressclasses", metav1.ListOptions{}, g.clientset.NetworkingV1().IngressClasses().List, func(c *networkingv1.IngressClass) error {
		list = append(list, classOf{c.Name, c.Annotations[defaultClass] == "true"})
		if len(list) == maxIngresses {
			return errEnough
		}
		return nil
	})
	_ = g.unanswered(ctx, "ingress classes", err) // the caller asks ctx itself
	return list, err == nil
}

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func ingress(name, class string, backends ...networkingv1.IngressServiceBackend) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: objectMeta("shop", name)}
	if class != "" {
		i.Spec.IngressClassName = &class
	}
	for _, b := range backends {
		i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: name + ".example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/api", Backend: networkingv1.IngressBackend{Service: &b}}},
		}}})
	}
	i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: "no-paths.example"})
	return i
}

func TestGatherIngresses(t *testing.T) {
	number := networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}
	name := networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Name: "http"}}
	other := networkingv1.IngressServiceBackend{Name: "other", Port: networkingv1.ServiceBackendPort{Number: 80}}
	catchAll := ingress("all", "nginx")
	catchAll.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &number}
	annotated := ingress("old", "", number)
	annotated.Annotations = map[string]string{oldClass: "traefik"}
	class := &networkingv1.IngressClass{ObjectMeta: objectMeta("", "nginx")}
	c, _ := newFake(append(shop(), ingress("one", "nginx", number, other), ingress("two", "gone", name), ingress("three", "", number), annotated, catchAll, ingress("stranger", "nginx", other), class)...)
	f := gather(t, c, Request{Pod: pod("shop", "db-0", "w2", "10.244.2.9"), Targets: targets(t, "svc/web")})
	want := []facts.IngressRule{
		{Ingress: "all", Host: "*", Path: "/", Port: 80, Class: "nginx", ClassKnown: true, ClassExists: true},
		{Ingress: "old", Host: "old.example", Path: "/api", Port: 80, Class: "traefik", ClassKnown: true, ClassExists: true},
		{Ingress: "one", Host: "one.example", Path: "/api", Port: 80, Class: "nginx", ClassKnown: true, ClassExists: true},
		{Ingress: "three", Host: "three.example", Path: "/api", Port: 80, ClassKnown: true},
		{Ingress: "two", Host: "two.example", Path: "/api", PortName: "http", Class: "gone", ClassKnown: true},
	}
	if diff := cmp.Diff(want, f.Services[0].Ingresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

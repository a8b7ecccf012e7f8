package cluster

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// admits is a policy that isolates pods with labels and lets one port in from namespaces
// with a label.
func admits(name string, pods map[string]string, port int32, namespaces map[string]string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{ObjectMeta: objectMeta("shop", name)}
	p.Spec.PodSelector = metav1.LabelSelector{MatchLabels: pods}
	to := intstr.FromInt32(port)
	p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{
		Ports: []networkingv1.NetworkPolicyPort{{Port: &to}},
		From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: namespaces}}},
	}}
	return p
}

// TestUnenforced: flannel by itself enforces no policy; what is known to stand beside it does.
func TestUnenforced(t *testing.T) {
	for _, tt := range []struct {
		group, engine string
		unenforced    bool
	}{
		{"", "", true},
		{"apps.example", "", true},
		{"crd.projectcalico.org", "Calico", false},
		{"k3s.cattle.io", "", false},
	} {
		client := pod("shop", "client", "w2", "10.244.2.50")
		objects := append(shop(), client)
		for _, o := range objects {
			if node, is := o.(*corev1.Node); is {
				node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionFalse, Reason: "FlannelIsUp"})
			}
		}
		c, clientset := newFake(objects...)
		c.dynamic = func() (dynamic.Interface, error) { return nil, errors.New("no") }
		if tt.group != "" {
			clientset.Resources = []*metav1.APIResourceList{{GroupVersion: tt.group + "/v1"}}
		}
		f := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")})
		if f.Network.Plugin != "flannel" || f.Policies.Engine != tt.engine || f.Policies.Unenforced != tt.unenforced {
			t.Errorf("%q: plugin %q, engine %q, unenforced %v", tt.group, f.Network.Plugin, f.Policies.Engine, f.Policies.Unenforced)
		}
	}
}

// TestGatherOutside: what goes out is judged where all addresses outside are alike.
func TestGatherOutside(t *testing.T) {
	client := pod("shop", "client", "w2", "10.244.2.50")
	out := func(peers ...networkingv1.NetworkPolicyPeer) *networkingv1.NetworkPolicy {
		p := &networkingv1.NetworkPolicy{ObjectMeta: objectMeta("shop", "out")}
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
		p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: peers}}
		return p
	}
	outBy := func(port int32) *networkingv1.NetworkPolicy {
		p, to := out(), intstr.FromInt32(port)
		p.Spec.Egress[0].Ports = []networkingv1.NetworkPolicyPort{{Port: &to}}
		return p
	}
	for _, tt := range []struct {
		name   string
		policy *networkingv1.NetworkPolicy
		want   string
		judged bool
	}{
		{"to pods only", out(networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}), "NetworkPolicy shop/out", true},
		{"to everybody", out(), "", true},
		{"to everybody by one port", outBy(5432), "", false},
		{"to some addresses", out(networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "203.0.113.0/24"}}), "", false},
	} {
		c, _ := newFake(append(shop(), client, tt.policy)...)
		f := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")})
		if got := f.Policies.DenyOutside(); got != tt.want || (f.Policies.Outside != nil) != tt.judged {
			t.Errorf("%s: %q, %+v; want %q", tt.name, got, f.Policies.Outside, tt.want)
		}
	}
}

func TestGatherPolicies(t *testing.T) {
	client := pod("shop", "client", "w2", "10.244.2.50")
	client.Labels = nil
	web0 := pod("shop", "web-0", "w1", "10.244.1.3")
	namespace := &corev1.Namespace{ObjectMeta: objectMeta("", "shop")}
	namespace.Labels = map[string]string{"team": "shop"}
	for _, tt := range []struct {
		name     string
		policies []runtime.Object
		want     facts.PolicyVerdict // "" for not judged
		says     string
	}{
		{"no policy: nothing is judged", nil, "", ""},
		{"a policy that lets it in", []runtime.Object{admits("web", web0.Labels, 8080, namespace.Labels)}, facts.PolicyAllowed, "networkpolicy/shop/web ingress[0].from[0]"},
		{"a policy for another namespace", []runtime.Object{admits("web", web0.Labels, 8080, map[string]string{"team": "db"})}, facts.PolicyDenied, "networkpolicy/shop/web ingress: selects the pod, no rule allows"},
		{"a policy for another port", []runtime.Object{admits("web", web0.Labels, 9, namespace.Labels)}, facts.PolicyDenied, "takes the peer, but not port"},
		{"a policy for other pods", []runtime.Object{admits("web", map[string]string{"app": "db"}, 9, namespace.Labels)}, facts.PolicyAllowed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, clientset := newFake(append(append(shop(), client, namespace), tt.policies...)...)
			f := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")})
			if !f.Policies.Read || f.Policies.Count != len(tt.policies) {
				t.Errorf("%+v", f.Policies)
			}
			if tt.want == "" {
				for _, a := range clientset.Actions() {
					if a.GetVerb() == "list" && a.GetResource().Resource == "pods" || a.GetResource().Resource == "namespaces" {
						t.Errorf("without a policy it reads %s", a.GetResource().Resource)
					}
				}
				if len(f.Policies.Flows) > 0 {
					t.Errorf("%+v", f.Policies.Flows)
				}
				return
			}
			judged := 0
			for _, flow := range f.Policies.Flows {
				if flow.Subject != "service/shop/web" || flow.To.Port() != 8080 {
					continue
				}
				judged++
				lines := strings.Join(flow.Decision.Lines(), "\n")
				if flow.Decision.Verdict() != tt.want || !strings.Contains(lines, tt.says) {
					t.Errorf("%s: %s\n%s", flow.To, flow.Decision.Verdict(), lines)
				}
			}
			if judged != 2 {
				t.Errorf("%d flows to the service were judged", judged)
			}
		})
	}
}

// TestManyFlows: a service of more endpoints than are judged leaves the ways to DNS and to
// the API server judged.
func TestManyFlows(t *testing.T) {
	r := policyReader{gatherer: &gatherer{}}
	of := func(name string, n int) facts.Service {
		s := facts.Service{Namespace: "x", Name: name}
		for range n {
			s.Endpoints = append(s.Endpoints, facts.Endpoint{Addr: netip.MustParseAddr("10.0.0.1"), Ready: true, Ports: []facts.EndpointPort{{Port: 53, Protocol: facts.UDP}}})
		}
		return s
	}
	dns, api := of("dns", 2), of("kubernetes", 3)
	r.facts.Services, r.facts.DNS.Service, r.facts.API.Service = []facts.Service{of("big", maxPolicyFlows)}, &dns, &api
	count := map[string]int{}
	for _, f := range r.flows()[:maxPolicyFlows] {
		count[f.subject]++
	}
	if count["service/x/dns"] != 2 || count["service/x/kubernetes"] != 3 || count["service/x/big"] != maxPolicyFlows-5 {
		t.Errorf("%v", count)
	}
}

// TestGatherBadPolicies: what cannot be evaluated is named, and an empty selector is what
// it says, every pod of the namespace.
func TestGatherBadPolicies(t *testing.T) {
	client := pod("shop", "client", "w2", "10.244.2.50")
	isolate := &networkingv1.NetworkPolicy{ObjectMeta: objectMeta("shop", "empty")}
	broken := &networkingv1.NetworkPolicy{ObjectMeta: objectMeta("shop", "broken")}
	broken.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/33"}}}}}
	for _, tt := range []struct {
		name   string
		policy *networkingv1.NetworkPolicy
		want   facts.PolicyVerdict
		note   string
	}{
		{"an empty selector", isolate, facts.PolicyDenied, ""},
		{"a broken CIDR", broken, facts.PolicyUnsure, `networkpolicy/shop/broken ingress[0].from[0]: ipBlock.cidr "10.0.0.0/33" is no CIDR`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := newFake(append(shop(), client, tt.policy)...)
			f := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")})
			if len(f.Policies.Flows) == 0 {
				t.Fatal("nothing was judged")
			}
			for _, flow := range f.Policies.Flows {
				if flow.Subject == "service/shop/web" && flow.Decision.Verdict() != tt.want {
					t.Errorf("%s: %s", flow.To, flow.Decision.Verdict())
				}
			}
			var notes []string
			for _, n := range f.Policies.Notes {
				notes = append(notes, n.String())
			}
			if got := strings.Join(notes, "\n"); got != tt.note {
				t.Errorf("notes %q, want %q", got, tt.note)
			}
		})
	}
}

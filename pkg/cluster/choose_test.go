package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

func TestChoose(t *testing.T) {
	behind := pod("shop", "web-0", "w1", "10.244.1.3")
	host := pod("shop", "agent", "w1", "192.0.2.1")
	host.Labels, host.Spec.HostNetwork = nil, true
	going := pod("shop", "aaa", "w1", "10.244.1.8")
	going.Labels, going.DeletionTimestamp = nil, &metav1.Time{Time: time.Unix(1, 0)}
	going.Finalizers = []string{"x/y"}
	client, second := pod("shop", "client", "w2", "10.244.2.4"), pod("shop", "client-2", "w2", "10.244.2.5")
	client.Labels, second.Labels = nil, nil
	web := service("shop", "web", "10.96.7.7")
	web.Spec.Selector = behind.Labels
	for _, tt := range []struct {
		name      string
		objects   []runtime.Object
		pod, node string
		fails     error
		says      string
	}{
		{"a pod that is not behind it", []runtime.Object{web, behind, host, going, second, client}, "client", "", nil, ""},
		{"only pods behind it: a worker node", []runtime.Object{web, behind, host}, "", "w1", nil, ""},
		{"no such service", []runtime.Object{service("shop", "wep", "10.96.7.9")}, "", "", ErrNotFound, "wep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			objects := append(clusterObjects(), tt.objects...)
			for _, o := range objects {
				if n, is := o.(*corev1.Node); is && n.Name == "cp" {
					n.Labels = map[string]string{"node-role.kubernetes.io/control-plane": ""}
				}
			}
			c, _ := newFake(append(objects, &corev1.Namespace{ObjectMeta: objectMeta("", "shop")})...)
			got, err := c.Choose(context.Background(), "shop", "web")
			if got.Pod != tt.pod || got.Node != tt.node || !errors.Is(err, tt.fails) {
				t.Fatalf("%+v, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q in it", err, tt.says)
			}
			if err == nil && got.Why == "" {
				t.Error("it does not say why")
			}
		})
	}
	c, _ := newFake()
	if _, err := c.Choose(context.Background(), "shop", "Web_1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a name that cannot be: %v", err)
	}
}

// Of the pods that run, the one whose own settings disturb least is looked from.
func TestCompareChoice(t *testing.T) {
	made := func(name string, change func(*corev1.Pod)) *corev1.Pod {
		p := pod("shop", name, "w1", "10.244.1.9")
		p.CreationTimestamp = metav1.Time{Time: time.Unix(1000, 0)}
		p.Spec.DNSPolicy = corev1.DNSClusterFirst
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		if change != nil {
			change(p)
		}
		return p
	}
	plainPod := made("zz", nil)
	for name, other := range map[string]*corev1.Pod{
		"not ready": made("a", func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }),
		"no cluster DNS": made("a", func(p *corev1.Pod) {
			p.Spec.DNSPolicy = corev1.DNSNone
			p.CreationTimestamp.Time = time.Unix(1, 0)
		}),
		"the node's DNS": made("a", func(p *corev1.Pod) { p.Spec.DNSPolicy = corev1.DNSDefault }),
		"a server of its own": made("a", func(p *corev1.Pod) {
			p.Spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.9"}}
		}),
		"younger": made("a", func(p *corev1.Pod) { p.CreationTimestamp.Time = time.Unix(2000, 0) }),
	} {
		if compareChoice(plainPod, other) >= 0 || compareChoice(other, plainPod) <= 0 {
			t.Errorf("%s: it is preferred", name)
		}
	}
	// What changes nothing about how names resolve is no reason, and ready beats the rest.
	ndots := made("a", func(p *corev1.Pod) {
		p.Spec.DNSConfig = &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{{Name: "ndots"}}}
	})
	if compareChoice(ndots, plainPod) >= 0 {
		t.Error("an option of the resolver counts as DNS of its own")
	}
	unready := made("b", func(p *corev1.Pod) { p.Status.Conditions = nil })
	ready := made("c", func(p *corev1.Pod) { p.Spec.DNSPolicy = corev1.DNSDefault })
	if compareChoice(ready, unready) >= 0 {
		t.Error("one that is not ready goes before one with DNS of its own")
	}
}

func TestChoosePodOf(t *testing.T) {
	labels := map[string]string{"app": "payments"}
	first, second, other, ended := pod("shop", "payments-a", "w1", "10.244.1.3"), pod("shop", "payments-b", "w1", "10.244.1.4"), pod("shop", "a", "w1", "10.244.1.5"), pod("shop", "payments-0", "w1", "10.244.1.6")
	first.Labels, second.Labels, ended.Labels, other.Labels = labels, labels, labels, nil
	ended.DeletionTimestamp, ended.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x/y"}
	deployment := func(name string, selects map[string]string) runtime.Object {
		return &appsv1.Deployment{ObjectMeta: objectMeta("shop", name), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: selects}}}
	}
	objects := append(clusterObjects(), &corev1.Namespace{ObjectMeta: objectMeta("", "shop")},
		first, second, other, ended, deployment("payments", labels), deployment("idle", map[string]string{"app": "idle"}))
	c, _ := newFake(objects...)
	for _, tt := range []struct {
		typed, want string
		fails       error
		says        string
	}{
		{"deploy/shop/payments", "payments-a", nil, ""},
		{"deploy/shop/idle", "", ErrVantage, "no pod of deployment shop/idle can be looked from: see kubectl get pods -n shop -l app=idle"},
		{"deploy/shop/paymentz", "", ErrNotFound, "did you mean payments?"},
		{"deploy/shpo/payments", "", ErrNotFound, `namespace "shpo" does not exist: did you mean shop?`},
	} {
		t.Run(tt.typed, func(t *testing.T) {
			workload, err := target.Parse(tt.typed)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.ChoosePodOf(context.Background(), workload)
			if got != tt.want || !errors.Is(err, tt.fails) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q, %v; want %q, %q", got, err, tt.want, tt.says)
			}
		})
	}
}

// TestNoSuchNamespace: a mistyped namespace is called that, and not an empty one.
func TestNoSuchNamespace(t *testing.T) {
	c, _ := newFake(append(clusterObjects(), &corev1.Namespace{ObjectMeta: objectMeta("", "newcomer")}, &corev1.Namespace{ObjectMeta: objectMeta("", "empty")})...)
	const want = `namespace "newcomerx" does not exist: did you mean newcomer?`
	if _, err := c.ChoosePod(context.Background(), "newcomerx"); !errors.Is(err, ErrNotFound) || err.Error() != want {
		t.Errorf("ChoosePod: %v", err)
	}
	if _, err := c.Choose(context.Background(), "newcomerx", "web"); !errors.Is(err, ErrNotFound) || err.Error() != want {
		t.Errorf("Choose: %v", err)
	}
	if err := c.CheckNamespace(context.Background(), "newcomerx"); err == nil || err.Error() != want {
		t.Errorf("CheckNamespace: %v", err)
	}
	if err := c.CheckNamespace(context.Background(), "empty"); err != nil {
		t.Error(err)
	}
	if _, err := c.ChoosePod(context.Background(), "empty"); !errors.Is(err, ErrVantage) {
		t.Errorf("a namespace without pods: %v", err)
	}
	if _, err := c.Choose(context.Background(), "payments", "80"); err == nil || err.Error() != `namespace "payments" does not exist; if 80 is a port: svc/payments:80` {
		t.Errorf("a port behind a slash: %v", err)
	}
}

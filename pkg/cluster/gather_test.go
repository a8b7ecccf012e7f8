package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clienttesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// shop is a namespace with two pods behind a service, and one elsewhere.
func shop() []runtime.Object {
	web := service("shop", "web", "10.96.7.7")
	web0, web1 := pod("shop", "web-0", "w1", "10.244.1.3"), pod("shop", "web-1", "w2", "10.244.2.3")
	deployment := &appsv1.Deployment{ObjectMeta: objectMeta("shop", "web")}
	deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	return append(clusterObjects(), web, web0, web1, pod("shop", "db-0", "w2", "10.244.2.9"), deployment,
		slice(web, "web-a", true, web0), slice(web, "web-b", true, web1),
		service("shop", "other", "10.96.7.8"), service("elsewhere", "web", "10.96.7.9"))
}

func gather(t *testing.T, c *Client, req Request) *facts.Facts {
	t.Helper()
	f, err := c.Gather(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGatherForPod(t *testing.T) {
	c, clientset := newFake(shop()...)
	f := gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Attempts: 3, Timeout: time.Second, Profile: "restricted"})

	if diff := cmp.Diff(facts.Ask{Attempts: 3, Timeout: time.Second}, f.Ask, compareAddrs); diff != "" {
		t.Errorf("ask (-want +got):\n%s", diff)
	}
	v := f.Vantage
	if v.String() != "pod/shop/web-0" || v.Node == nil || v.Node.Name != "w1" || v.Profile != "restricted" || v.CAFile != caFile || v.CAData != "" {
		t.Errorf("vantage point: %+v", v)
	}
	if len(f.Services) != 1 || f.Services[0].Ref().String() != "shop/web" || len(f.Services[0].Endpoints) != 2 {
		t.Fatalf("own services: %+v", f.Services)
	}
	if f.Services[0].SelectorRead {
		t.Error("the pods of a healthy service were read")
	}
	if f.API.Service == nil || len(f.API.Service.Endpoints) != 1 {
		t.Errorf("API service: %+v", f.API.Service)
	}
	if f.DNS.Service == nil || f.DNS.Service.Name != "kube-dns" || len(f.DNS.Service.Endpoints) != 1 {
		t.Errorf("DNS service: %+v", f.DNS.Service)
	}
	if diff := cmp.Diff([]string{"cp", "w1", "w2"}, nodeNames(f)); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if len(f.Notes) > 0 {
		t.Errorf("notes: %q", f.Notes)
	}
	for _, a := range clientset.Actions() {
		if a.GetVerb() == "list" && (a.GetResource().Resource == "nodes" || a.GetResource().Resource == "pods" || a.GetNamespace() == "") {
			t.Errorf("reads more than the pod needs: %s %s in %q", a.GetVerb(), a.GetResource().Resource, a.GetNamespace())
		}
	}
}

func nodeNames(f *facts.Facts) []string {
	var names []string
	for _, n := range f.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// What is read for one pod must not grow with the cluster.
func TestGatherIsIndependentOfClusterSize(t *testing.T) {
	count := func(extra int) int {
		objects := shop()
		for i := range extra {
			objects = append(objects, node(fmt.Sprintf("extra-%d", i), "172.18.1.1"),
				pod("shop", fmt.Sprintf("extra-%d", i), "w1", "10.244.9.9"), service("elsewhere", fmt.Sprintf("extra-%d", i), "10.96.9.9"))
		}
		c, clientset := newFake(objects...)
		gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, "svc/web", "pod/db-0", "10.0.0.1")})
		return len(clientset.Actions())
	}
	small, large := count(0), count(200)
	if small != large {
		t.Errorf("%d requests on a small cluster, %d on a large one", small, large)
	}
	if small > 16 {
		t.Errorf("%d requests for three targets", small)
	}
}

func TestGatherNodesInPages(t *testing.T) {
	server := &apiServer{t: t, lists: map[string][]runtime.Object{}}
	for i := range 1200 {
		server.lists["/api/v1/nodes"] = append(server.lists["/api/v1/nodes"], node(fmt.Sprintf("n%04d", i), "172.18.0.3"))
	}
	f := gather(t, server.client(), Request{Node: node("n0007", "172.18.0.3"), Targets: targets(t, "10.0.0.1")})
	if len(f.Nodes) != 1200 || f.Vantage.Node == nil || f.Vantage.Node.Name != "n0007" {
		t.Errorf("%d nodes, vantage point %s", len(f.Nodes), f.Vantage)
	}
	if asked := server.asked("/api/v1/nodes"); len(asked) != 3 {
		t.Errorf("1200 nodes take 3 pages of %d, not %q", pageSize, asked)
	}
}

func TestGatherCapsNodesReadByName(t *testing.T) {
	objects := shop()
	web := service("shop", "many", "10.96.7.20")
	var pods []*corev1.Pod
	for i := range 30 {
		name := fmt.Sprintf("n%02d", i)
		objects = append(objects, node(name, "172.18.0.9"))
		pods = append(pods, pod("shop", "many-"+name, name, fmt.Sprintf("10.244.3.%d", i+1)))
	}
	c, _ := newFake(append(objects, web, slice(web, "many-a", true, pods...))...)
	f := gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, "svc/many")})
	if len(f.Nodes) != maxNodesByName || f.Vantage.Node == nil {
		t.Errorf("%d nodes; vantage point's: %v", len(f.Nodes), f.Vantage.Node)
	}
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "20 of the 32") {
		t.Errorf("notes: %q", f.Notes)
	}
}

func TestGatherTargets(t *testing.T) {
	c, _ := newFake(shop()...)
	f := gather(t, c, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t,
		"svc/web:80", "svc/shop/web:https", "svc/web:80", "deploy/web:http", "pod/db-0:9999", "node/w2:10250", "10.0.0.1:53/udp", "https://example.com", "https://[fd00::1]/")})
	if len(f.Services) != 1 || len(f.Services[0].Ports) != 2 {
		t.Errorf("services: %+v", f.Services)
	}
	var got []string
	for _, target := range f.Targets {
		got = append(got, fmt.Sprintf("%s pods=%d addrs=%v", target, len(target.Pods), target.Addrs))
	}
	want := []string{
		"10.0.0.1:53/udp pods=0 addrs=[10.0.0.1]",
		"deployment/shop/web:http pods=2 addrs=[10.244.1.3 10.244.2.3]",
		"https://[fd00::1]/ pods=0 addrs=[fd00::1]",
		"https://example.com pods=0 addrs=[]",
		"node/w2:10250 pods=0 addrs=[172.18.0.4]",
		"pod/shop/db-0:9999 pods=1 addrs=[10.244.2.9]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGatherTargetErrors(t *testing.T) {
	empty := &appsv1.StatefulSet{ObjectMeta: objectMeta("shop", "empty")}
	empty.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "nobody"}}
	all := &appsv1.DaemonSet{ObjectMeta: objectMeta("shop", "all")}
	all.Spec.Selector = &metav1.LabelSelector{}
	portless := pod("shop", "portless", "w1", "10.244.1.8")
	portless.Spec.Containers[0].Ports = nil
	tests := []struct {
		target, want string
		kind         error
	}{
		{"svc/web:81", "service shop/web has no port 81; it has http (80/TCP), https (443/TCP)", ErrTarget},
		{"svc/web:8080", "8080 is the port behind it, ask for svc/shop/web:80", ErrTarget},
		{"svc/web:grpc", "service shop/web has no port grpc", ErrTarget},
		{"svc/none:80", "service shop/none has no ports at all: ask for svc/shop/none, or for a pod behind it", ErrTarget},
		{"svc/ext:http", "service shop/ext is an alias of example.com and has no ports: ask for svc/shop/ext, or --to example.com:http", ErrTarget},
		{"svc/web:80/udp", "service shop/web has no port 80/UDP", ErrTarget},
		{"svc/wbe", `service "wbe" not found in namespace "shop": did you mean web?`, ErrNotFound},
		{"pod/web-3", `pod "web-3" not found in namespace "shop": did you mean web-0 or web-1?`, ErrNotFound},
		{"pod/db-0:grpc", `pod shop/db-0 has no port named "grpc"; it has http (8080/TCP)`, ErrTarget},
		{"pod/portless:http", `pod shop/portless declares no ports, so that "http" has no number; give it`, ErrTarget},
		{"node/w9", `node "w9" not found: did you mean w1 or w2?`, ErrNotFound},
		{"deploy/wb", `deployment "wb" not found in namespace "shop": did you mean web?`, ErrNotFound},
		{"sts/empty", "statefulset shop/empty has no pods", ErrTarget},
		{"ds/all", "has no selector", ErrTarget},
		{"pod/shpo/web-0", `namespace "shpo" does not exist: did you mean shop?`, ErrNotFound},
	}
	shopNamespace := &corev1.Namespace{ObjectMeta: objectMeta("", "shop")}
	none, ext := service("shop", "none", corev1.ClusterIPNone), service("shop", "ext", "")
	none.Spec.Ports, ext.Spec.Ports = nil, nil
	ext.Spec.Type, ext.Spec.ExternalName = corev1.ServiceTypeExternalName, "example.com"
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			c, _ := newFake(append(shop(), none, ext, empty, all, portless, shopNamespace)...)
			_, err := c.Gather(context.Background(), Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, tt.target)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, tt.kind) {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
		})
	}
}

// Of two bad targets the first typed is complained about, whichever answer is faster.
func TestGatherErrorsAreStable(t *testing.T) {
	for range 20 {
		c, _ := newFake(shop()...)
		_, err := c.Gather(context.Background(), Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3"), Targets: targets(t, "svc/web:80", "svc/nope", "pod/none", "svc/web:1")})
		expectError(t, err, ErrTarget, "service shop/web has no port 1")
	}
}

func TestGatherWithPartialRights(t *testing.T) {
	c, clientset := newFake(shop()...)
	forbid(clientset, "*", "*")
	clientset.PrependReactor("get", "services", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetNamespace() != "shop" {
			return false, nil, nil
		}
		get, ok := a.(clienttesting.GetAction)
		if !ok || get.GetName() != "web" {
			return false, nil, nil
		}
		return true, service("shop", "web", "10.96.7.7"), nil
	})
	vantage := pod("shop", "web-0", "w1", "10.244.1.3")
	vantage.Spec.Containers[0].VolumeMounts = nil
	f := gather(t, c, Request{Pod: vantage, Targets: targets(t, "svc/web", "svc/other", "pod/db-0:http", "deploy/web", "node/w2")})
	want := []string{
		"deployment shop/web: forbidden for user jane (get deployments)",
		"endpointslices in namespace default: forbidden for user jane (list endpointslices)",
		"endpointslices in namespace shop: forbidden for user jane (list endpointslices)",
		"networkpolicies in namespace shop: forbidden for user jane (list networkpolicies)",
		"node w2: forbidden for user jane (get nodes)",
		"nodes: forbidden for user jane (get nodes)",
		"pod shop/db-0: forbidden for user jane (get pods)",
		"service default/kubernetes: forbidden for user jane (get services)",
		"service shop/other: forbidden for user jane (get services)",
		"the cluster's CA (configmap shop/kube-root-ca.crt): forbidden for user jane (get configmaps)",
		"the cluster's DNS service: forbidden for user jane (list services)",
	}
	if diff := cmp.Diff(want, f.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(f.Services) != 1 || !f.Services[0].EndpointsUnknown {
		t.Errorf("a service whose endpoints may not be read must say so: %+v", f.Services)
	}
	for _, target := range f.Targets {
		if !target.Unknown {
			t.Errorf("%s could not be read, and does not say so", target)
		}
	}
	if len(f.Targets) != 4 {
		t.Errorf("targets that may not be read stay targets: %+v", f.Targets)
	}
}

func TestGatherSelectedPods(t *testing.T) {
	web0 := pod("shop", "web-0", "w1", "10.244.1.3")
	db0 := pod("shop", "db-0", "w2", "10.244.2.9")
	tests := []struct {
		name  string
		svc   func(*corev1.Service, *discoveryv1.EndpointSlice)
		ready bool
		want  bool
	}{
		{"ready", nil, true, false},
		{"none ready", nil, false, true},
		{"named target port present", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) {
			s.Spec.Ports[0].TargetPort = intstr.FromString("http")
		}, true, false},
		{"named target port missing", func(s *corev1.Service, e *discoveryv1.EndpointSlice) {
			s.Spec.Ports[0].TargetPort = intstr.FromString("htpt")
			e.Ports = e.Ports[1:]
		}, true, true},
		{"no selector", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) { s.Spec.Selector = nil }, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			web := service("shop", "web", "10.96.7.7")
			ends := slice(web, "web-a", tt.ready, web0)
			if tt.svc != nil {
				tt.svc(web, ends)
			}
			c, _ := newFake(append(clusterObjects(), web, ends, web0, db0)...)
			f := gather(t, c, Request{Pod: db0, Targets: targets(t, "svc/web")})
			s := f.Services[0]
			if walked := gather(t, c, Request{Pod: db0, Targets: targets(t, "svc/web"), Walk: s.Ref()}).Services[0]; walked.SelectorRead != (len(s.Selector) > 0) {
				t.Errorf("walked: SelectorRead = %v", walked.SelectorRead)
			}
			if s.SelectorRead != tt.want {
				t.Errorf("SelectorRead = %v, want %v", s.SelectorRead, tt.want)
			}
			if tt.want && (len(s.SelectedPods) != 1 || s.SelectedPods[0].Name != "web-0") {
				t.Errorf("selected pods: %+v", s.SelectedPods)
			}
		})
	}
}

// TestGatherSelectedCut: of a service with very many pods it is known that not all were read.
func TestGatherSelectedCut(t *testing.T) {
	for _, pods := range []int{maxSelectedPods, maxSelectedPods + 1} {
		web := service("shop", "web", "10.96.7.7")
		client := pod("shop", "db-0", "w2", "10.244.2.9")
		objects := append(clusterObjects(), web, client)
		for i := range pods {
			objects = append(objects, pod("shop", fmt.Sprintf("web-%d", i), "w1", "10.244.1.3"))
		}
		c, _ := newFake(objects...)
		s := gather(t, c, Request{Pod: client, Targets: targets(t, "svc/web")}).Services[0]
		if !s.SelectorRead || len(s.SelectedPods) != maxSelectedPods || s.SelectedCut != (pods > maxSelectedPods) {
			t.Errorf("of %d pods %d were read, cut: %v", pods, len(s.SelectedPods), s.SelectedCut)
		}
	}
}

// The newest event of a pod that waits for its network is kept; other reasons, other
// pods, and a refusal are not.
func TestGatherSandboxEvents(t *testing.T) {
	event := func(name, pod, reason, message string, age time.Duration) *corev1.Event {
		return &corev1.Event{
			ObjectMeta: objectMeta("shop", name), InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod},
			Reason: reason, Message: message, Count: 7, LastTimestamp: metav1.NewTime(time.Now().Add(-age)),
		}
	}
	web0 := pod("shop", "web-0", "w1", "")
	web0.Status.Phase = corev1.PodPending
	web := service("shop", "web", "10.96.7.7")
	objects := append(clusterObjects(), web, web0, pod("shop", "db-0", "w2", "10.244.2.9"),
		event("a", "web-0", "FailedCreatePodSandBox", "plugin: no IP addresses available\x1b[31m", time.Minute),
		event("b", "web-0", "FailedCreatePodSandBox", "an older one", time.Hour),
		event("c", "web-0", "FailedScheduling", "not this", 0), event("d", "web-1", "FailedCreatePodSandBox", "nor this", 0))
	for _, refused := range []bool{false, true} {
		c, clientset := newFake(objects...)
		if refused {
			clientset.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(corev1.Resource("events"), "", errors.New("no"))
			})
		}
		f := gather(t, c, Request{Pod: pod("shop", "db-0", "w2", "10.244.2.9"), Targets: targets(t, "svc/web")})
		got := f.Services[0].SelectedPods[0].NoSandbox
		if refused && (got != nil || len(f.Notes) > 0) {
			t.Errorf("refused: %+v, notes %q", got, f.Notes)
		}
		if !refused && (got == nil || got.Count != 7 || got.Message != "plugin: no IP addresses available [31m") {
			t.Errorf("%+v", got)
		}
	}
}

func TestGatherEndsWithItsContext(t *testing.T) {
	c, clientset := newFake(shop()...)
	ctx, cancel := context.WithCancel(context.Background())
	clientset.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel()
		return true, nil, context.Canceled
	})
	if _, err := c.Gather(ctx, Request{Pod: pod("shop", "web-0", "w1", "10.244.1.3")}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want one of the context", err)
	}
}

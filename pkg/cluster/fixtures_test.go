package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"github.com/netlook/kubectl-netlook/pkg/target"
)

// compareAddrs makes cmp look at addresses as values.
var compareAddrs = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

func newFake(objects ...runtime.Object) (*Client, *fake.Clientset) {
	clientset := fake.NewClientset(objects...)
	return NewFor(clientset, &rest.Config{Host: "https://192.0.2.1:6443"}, "default"), clientset
}

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// pod is a running pod, labelled app=<the name up to its first '-'>.
func pod(namespace, name, node, ip string) *corev1.Pod {
	app, _, _ := strings.Cut(name, "-")
	p := &corev1.Pod{ObjectMeta: objectMeta(namespace, name)}
	p.Labels = map[string]string{"app": app}
	p.Spec.NodeName = node
	p.Spec.Containers = []corev1.Container{{
		Name:         "app",
		Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
		VolumeMounts: []corev1.VolumeMount{{Name: "kube-api-access-x", MountPath: serviceAccountPath}},
	}}
	p.Status.Phase = corev1.PodRunning
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	if ip != "" {
		p.Status.PodIP, p.Status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	}
	return p
}

func node(name, ip string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: objectMeta("", name)}
	n.Status.NodeInfo.OperatingSystem = "linux"
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return n
}

// service has the ports http 80 and https 443, and selects app=<name>.
func service(namespace, name, ip string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: objectMeta(namespace, name)}
	s.Spec.Type = corev1.ServiceTypeClusterIP
	s.Spec.ClusterIP, s.Spec.ClusterIPs = ip, []string{ip}
	s.Spec.Selector = map[string]string{"app": name}
	s.Spec.Ports = []corev1.ServicePort{
		{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(8080)},
		{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(8443)},
	}
	return s
}

// slice holds one endpoint for each of the pods, on the ports of service().
func slice(of *corev1.Service, name string, ready bool, pods ...*corev1.Pod) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: objectMeta(of.Namespace, name), AddressType: discoveryv1.AddressTypeIPv4}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: of.Name}
	for _, p := range of.Spec.Ports {
		s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: &p.Name, Protocol: &p.Protocol, Port: &p.TargetPort.IntVal})
	}
	for _, p := range pods {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{p.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			NodeName:   &p.Spec.NodeName,
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
		})
	}
	return s
}

// clusterObjects are the objects of every cluster: its API service and its DNS.
func clusterObjects() []runtime.Object {
	api := service("default", "kubernetes", "10.96.0.1")
	api.Spec.Selector, api.Spec.Ports = nil, api.Spec.Ports[1:]
	dns := service("kube-system", "kube-dns", "10.96.0.10")
	dns.Labels = map[string]string{"k8s-app": "kube-dns"}
	dns.Spec.Ports = []corev1.ServicePort{
		{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(53)},
		{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(53)},
	}
	return []runtime.Object{
		api, slice(api, "kubernetes", true, pod("default", "apiserver", "", "172.18.0.2")),
		dns, slice(dns, "kube-dns-1", true, pod("kube-system", "coredns-1", "cp", "10.244.0.2")),
		node("cp", "172.18.0.2"), node("w1", "172.18.0.3"), node("w2", "172.18.0.4"),
	}
}

func targets(t *testing.T, targets ...string) []target.Target {
	t.Helper()
	var list []target.Target
	for _, raw := range targets {
		one, err := target.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

// apiServer serves lists in pages like the real one, which the fake clientset does
// not, and counts what it is asked.
type apiServer struct {
	t     *testing.T
	lists map[string][]runtime.Object // by path
	gets  map[string]runtime.Object

	mu       sync.Mutex
	requests []string // path?query, sorted by the caller
}

func (s *apiServer) client() *Client {
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, QPS: -1}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		s.t.Fatal(err)
	}
	return NewFor(clientset, config, "default")
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.RequestURI())
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if object, known := s.gets[r.URL.Path]; known {
		s.write(w, object)
		return
	}
	items, known := s.lists[r.URL.Path]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		s.write(w, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound, Message: "not found"})
		return
	}
	start, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if limit == 0 {
		s.t.Errorf("%s asks for everything at once", r.URL)
		limit = len(items)
	}
	end := min(len(items), start+limit)
	list := map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": items[start:end]}
	if end < len(items) {
		list["metadata"] = map[string]any{"continue": fmt.Sprint(end)}
	}
	list["kind"] = map[string]string{"nodes": "NodeList", "pods": "PodList", "services": "ServiceList", "namespaces": "NamespaceList"}[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	s.write(w, list)
}

func (s *apiServer) write(w http.ResponseWriter, object any) {
	// A client that has seen enough hangs up; what it makes of the rest is tested.
	_ = json.NewEncoder(w).Encode(object)
}

func (s *apiServer) asked(path string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.requests), func(r string) bool {
		return r != path && !strings.HasPrefix(r, path+"?")
	})
}

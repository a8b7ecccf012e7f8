package cluster

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func ptr[T any](v T) *T { return &v }

func ips(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestPodFacts(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	full := pod("shop", "web-0", "w1", "10.244.1.3")
	full.UID = "u-1"
	full.Spec.DNSPolicy = corev1.DNSClusterFirst
	full.Spec.InitContainers = []corev1.Container{
		{Name: "migrate"},
		{Name: "proxy", RestartPolicy: &always, Ports: []corev1.ContainerPort{{ContainerPort: 15006, HostPort: 80}}},
	}
	full.Status.PodIPs = append(full.Status.PodIPs, corev1.PodIP{IP: "fd00::3"})
	full.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy", RestartCount: 4,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	full.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse,
		Reason: "ContainersNotReady", Message: "containers with unready status:\n[proxy]"}}

	hostile := &corev1.Pod{ObjectMeta: objectMeta("shop", "bad")}
	hostile.DeletionTimestamp = &metav1.Time{Time: time.Unix(0, 0)}
	hostile.Status.PodIP = "10.0.0.999"
	hostile.Status.PodIPs = []corev1.PodIP{{IP: ""}, {IP: "::ffff:10.0.0.9"}, {IP: "10.0.0.9"}}
	hostile.Spec.Containers = []corev1.Container{{Name: "x\x1b[31m", Ports: []corev1.ContainerPort{{ContainerPort: -1}, {ContainerPort: 70000}, {ContainerPort: 53, HostPort: 1 << 20, Protocol: "UDP"}}}}
	hostile.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "x\x1b[31m", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
	hostile.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Reason: strings.Repeat("A", 1<<20)}}

	tests := []struct {
		name string
		pod  *corev1.Pod
		want facts.Pod
	}{
		{"everything", full, facts.Pod{
			Namespace: "shop", Name: "web-0", UID: "u-1", Node: "w1", IPs: ips("10.244.1.3", "fd00::3"), Phase: "Running",
			NotReady: "ContainersNotReady: containers with unready status: [proxy]",
			Labels:   map[string]string{"app": "web"}, DNSPolicy: "ClusterFirst",
			Containers: []facts.Container{
				{Name: "proxy", Ports: []facts.ContainerPort{{Port: 15006, HostPort: 80, Protocol: facts.TCP}}, Restarts: 4, Waiting: "CrashLoopBackOff"},
				{Name: "app", Ports: []facts.ContainerPort{{Name: "http", Port: 8080, Protocol: facts.TCP}}, Ready: true},
			},
		}},
		{"empty", &corev1.Pod{}, facts.Pod{Phase: "Pending"}},
		{"hostile", hostile, facts.Pod{
			Namespace: "shop", Name: "bad", IPs: ips("10.0.0.9"), Phase: "Pending", Terminating: true, NotReady: strings.Repeat("A", 253) + "...",
			Containers: []facts.Container{{Name: "x [31m", Ports: []facts.ContainerPort{{Port: 53, Protocol: facts.UDP}}, Waiting: "Terminated"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, podFacts(tt.pod), compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNodeFacts(t *testing.T) {
	full := node("w1", "172.18.0.3")
	full.Labels = map[string]string{corev1.LabelTopologyZone: "a"}
	full.Spec.PodCIDR, full.Spec.PodCIDRs = "10.244.1.0/24", []string{"10.244.1.0/24", "fd00:1::5/64"}
	full.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeExternalIP, Address: "192.0.2.3"}, {Type: corev1.NodeHostName, Address: "w1"},
		{Type: corev1.NodeInternalIP, Address: "172.18.0.3"}, {Type: corev1.NodeInternalIP, Address: "fd01::3"},
	}
	down := node("w2", "nonsense")
	down.Status.NodeInfo.OperatingSystem = ""
	down.Labels = map[string]string{operatingSystem: "windows"}
	down.Spec.PodCIDR = "10.244.1.0/99"
	down.Status.Conditions[0] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
	tests := []struct {
		name string
		node *corev1.Node
		want facts.Node
	}{
		{"everything", full, facts.Node{Name: "w1", IPs: ips("172.18.0.3", "fd01::3", "192.0.2.3"), Ready: true, OS: "linux", Zone: "a",
			PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.244.1.0/24"), netip.MustParsePrefix("fd00:1::/64")}}},
		{"not ready, nothing parses", down, facts.Node{Name: "w2", NotReady: "NodeStatusUnknown: Kubelet stopped posting node status.", OS: "windows"}},
		{"fresh", &corev1.Node{}, facts.Node{NotReady: "no Ready condition yet"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, nodeFacts(tt.node), compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlannelLease(t *testing.T) {
	tests := []struct {
		name        string
		annotations map[string]string
		want        *facts.FlannelLease
	}{
		{"none", map[string]string{"other": "x"}, nil},
		{"vxlan, dual stack", map[string]string{
			flannelBackendType: "vxlan", flannelPublicIP: "172.18.0.3", flannelPublicIPv6: "fd01::3",
			flannelBackendData: `{"VNI":1,"VtepMAC":"AA:bb:cc:00:11:22"}`, flannelBackendV6Data: `{"VNI":1,"VtepMAC":"aa:bb:cc:00:11:66"}`,
		}, &facts.FlannelLease{BackendType: "vxlan", PublicIP: netip.MustParseAddr("172.18.0.3"), PublicIPv6: netip.MustParseAddr("fd01::3"),
			VTEPMAC: "aa:bb:cc:00:11:22", VTEPMACv6: "aa:bb:cc:00:11:66", VNI: 1}},
		{"host-gw", map[string]string{flannelBackendType: "host-gw", flannelBackendData: "null", flannelPublicIP: "172.18.0.3"},
			&facts.FlannelLease{BackendType: "host-gw", PublicIP: netip.MustParseAddr("172.18.0.3")}},
		{"no JSON", map[string]string{flannelBackendType: "vxlan", flannelBackendData: `{"VNI":`}, &facts.FlannelLease{BackendType: "vxlan"}},
		{"wrong types", map[string]string{flannelBackendType: "vxlan", flannelBackendData: `{"VNI":"one","VtepMAC":{}}`}, &facts.FlannelLease{BackendType: "vxlan"}},
		{"no hardware address", map[string]string{flannelBackendType: "vxlan", flannelBackendData: `{"VNI":7,"VtepMAC":"01:02:03:04:05:06:07:08"}`}, &facts.FlannelLease{BackendType: "vxlan", VNI: 7}},
		{"VNI beyond 24 bits", map[string]string{flannelBackendType: "vxlan", flannelBackendData: `{"VNI":16777216,"VtepMAC":"aa:bb:cc:00:11:22"}`}, &facts.FlannelLease{BackendType: "vxlan", VTEPMAC: "aa:bb:cc:00:11:22"}},
		{"families swapped", map[string]string{flannelBackendType: "vxlan", flannelPublicIP: "fd01::3", flannelPublicIPv6: "172.18.0.3"}, &facts.FlannelLease{BackendType: "vxlan"}},
		{"too long", map[string]string{flannelBackendType: "vx\x1blan", flannelBackendData: `{"VNI":7,"x":"` + strings.Repeat("a", maxBackendData) + `"}`}, &facts.FlannelLease{BackendType: "vx lan"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, flannelLease(tt.annotations), compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServiceFacts(t *testing.T) {
	full := service("shop", "web", "10.96.7.7")
	full.Spec.Type = corev1.ServiceTypeNodePort
	full.Spec.ClusterIPs = []string{"10.96.7.7", "fd02::7"}
	full.Spec.Ports = []corev1.ServicePort{
		{Name: "https", Port: 443, NodePort: 30443, TargetPort: intstr.FromString("tls"), AppProtocol: ptr("https")},
		{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(5353)},
		{Name: "bad", Port: 1 << 20},
	}
	headless := service("shop", "db", corev1.ClusterIPNone)
	headless.Spec.Ports = nil
	external := &corev1.Service{ObjectMeta: objectMeta("shop", "ext")}
	external.Spec.Type, external.Spec.ExternalName = corev1.ServiceTypeExternalName, "example.com"
	tests := []struct {
		name string
		in   *corev1.Service
		want facts.Service
	}{
		{"dual stack, ports sorted", full, facts.Service{Namespace: "shop", Name: "web", Type: "NodePort", ClusterIPs: ips("10.96.7.7", "fd02::7"), Selector: map[string]string{"app": "web"},
			Ports: []facts.ServicePort{
				{Name: "dns", Protocol: facts.UDP, Port: 53, TargetPort: "5353"},
				{Name: "https", Protocol: facts.TCP, Port: 443, NodePort: 30443, TargetPort: "tls", AppProtocol: "https"},
			}}},
		{"headless", headless, facts.Service{Namespace: "shop", Name: "db", Type: "ClusterIP", Headless: true, Selector: map[string]string{"app": "db"}}},
		{"external name", external, facts.Service{Namespace: "shop", Name: "ext", Type: "ExternalName", ExternalName: "example.com"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, serviceFacts(tt.in), compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	type ends = []discoveryv1.Endpoint
	sliceOf := func(family discoveryv1.AddressType, port int32, list ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{AddressType: family, Endpoints: list,
			Ports: []discoveryv1.EndpointPort{{Name: ptr("p"), Port: &port, Protocol: ptr(corev1.ProtocolTCP)}}}
	}
	one := func(addr string, c discoveryv1.EndpointConditions) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{addr}, Conditions: c}
	}
	of := func(addr, pod string) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{addr}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod}}
	}
	port := func(numbers ...uint16) []facts.EndpointPort {
		var list []facts.EndpointPort
		for _, n := range numbers {
			list = append(list, facts.EndpointPort{Name: "p", Protocol: facts.TCP, Port: n})
		}
		return list
	}
	const v4, v6 = discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6
	yes, no := ptr(true), ptr(false)
	tests := []struct {
		name   string
		slices []*discoveryv1.EndpointSlice
		want   []facts.Endpoint
	}{
		{"none", nil, nil},
		{"conditions not set: ready", []*discoveryv1.EndpointSlice{sliceOf(v4, 80, one("10.0.0.1", discoveryv1.EndpointConditions{}))},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80), Ready: true, Serving: true}}},
		{"serving not set follows ready", []*discoveryv1.EndpointSlice{sliceOf(v4, 80, one("10.0.0.1", discoveryv1.EndpointConditions{Ready: no}))},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80)}}},
		{"terminating but serving", []*discoveryv1.EndpointSlice{sliceOf(v4, 80, one("10.0.0.1", discoveryv1.EndpointConditions{Ready: no, Serving: yes, Terminating: yes}))},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80), Serving: true, Terminating: true}}},
		{"dual stack, sorted", []*discoveryv1.EndpointSlice{sliceOf(v6, 80, of("fd00::1", "a")), sliceOf(v4, 80, of("10.0.0.2", "b"), of("10.0.0.1", "a"))},
			[]facts.Endpoint{
				{Addr: ips("10.0.0.1")[0], Ports: port(80), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "a"}},
				{Addr: ips("10.0.0.2")[0], Ports: port(80), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "b"}},
				{Addr: ips("fd00::1")[0], Ports: port(80), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "a"}},
			}},
		{"one pod in two slices", []*discoveryv1.EndpointSlice{sliceOf(v4, 443, of("10.0.0.1", "a")), sliceOf(v4, 80, of("10.0.0.1", "a"))},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80, 443), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "a"}}}},
		{"moving from slice to slice", []*discoveryv1.EndpointSlice{
			sliceOf(v4, 80, one("10.0.0.1", discoveryv1.EndpointConditions{Ready: no})), sliceOf(v4, 80, one("10.0.0.1", discoveryv1.EndpointConditions{Ready: yes}))},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80), Ready: true, Serving: true}}},
		{"two host network pods of a node", []*discoveryv1.EndpointSlice{sliceOf(v4, 80, of("172.18.0.3", "a")), sliceOf(v4, 81, of("172.18.0.3", "b"))},
			[]facts.Endpoint{
				{Addr: ips("172.18.0.3")[0], Ports: port(80), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "a"}},
				{Addr: ips("172.18.0.3")[0], Ports: port(81), Ready: true, Serving: true, Pod: &facts.Ref{Namespace: "shop", Name: "b"}},
			}},
		{"only the first address counts", []*discoveryv1.EndpointSlice{sliceOf(v4, 80, discoveryv1.Endpoint{Addresses: []string{"10.0.0.1", "10.0.0.2"}, NodeName: ptr("w1"), Zone: ptr("a")})},
			[]facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ports: port(80), Ready: true, Serving: true, Node: "w1", Zone: "a"}}},
		{"hostile", []*discoveryv1.EndpointSlice{
			sliceOf(discoveryv1.AddressTypeFQDN, 80, one("example.com", discoveryv1.EndpointConditions{})),
			sliceOf(v4, -7, discoveryv1.Endpoint{}, one("nonsense", discoveryv1.EndpointConditions{}), one("10.0.0.1", discoveryv1.EndpointConditions{})),
			{AddressType: v4, Ports: []discoveryv1.EndpointPort{{}}, Endpoints: ends{}},
		}, []facts.Endpoint{{Addr: ips("10.0.0.1")[0], Ready: true, Serving: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, endpoints(tt.slices), compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "as it is", "as it is"},
		{"lines", "one\r\n\ttwo", "one two"},
		{"escapes", "\x1b[31mred\x07", "[31mred"},
		{"bidi", "a\u202eb", "a b"},
		{"invalid UTF-8", "a\xffb", "a?b"},
		{"long", strings.Repeat("x", 1<<20), strings.Repeat("x", 20) + "..."},
		{"cut inside a rune", strings.Repeat("x", 19) + "é", strings.Repeat("x", 19) + "..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := plain(tt.in, 20); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestEnded: how the last run of a container ended, and when.
func TestEnded(t *testing.T) {
	now := time.Now()
	at := func(ago time.Duration) metav1.Time { return metav1.NewTime(now.Add(-ago)) }
	for _, tt := range []struct {
		name          string
		start, finish metav1.Time
		ran           time.Duration
	}{
		{"a short run long ago", at(25 * time.Hour), at(24 * time.Hour), time.Hour},
		{"no times", metav1.Time{}, metav1.Time{}, 0},
		{"a clock ahead of this one", at(-time.Hour), at(-2 * time.Hour), time.Hour},
	} {
		p := pod("shop", "web-0", "w1", "10.244.1.3")
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, StartedAt: tt.start, FinishedAt: tt.finish}
		ended := podFacts(p).Containers[0].Ended
		if ended == nil || ended.Ran != tt.ran || !ended.Finished.Equal(tt.finish.Time) {
			t.Errorf("%s: %+v", tt.name, ended)
		}
	}
}

// A pod that no node takes has no Ready condition: the scheduler has the word.
func TestPodFactsUnscheduled(t *testing.T) {
	p := pod("shop", "new", "", "")
	p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"},
	}}
	if got, want := podFacts(p).NotReady, "Unschedulable: 0/3 nodes are available"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

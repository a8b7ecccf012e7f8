package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func waiting(name, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func silent(n *corev1.Node) {
	n.Status.Conditions[0] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown,
		LastHeartbeatTime: metav1.NewTime(time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC))}
}

func TestCheckPodVantage(t *testing.T) {
	tests := []struct {
		name   string
		change func(*corev1.Pod, *corev1.Node)
		want   string // a part of the error, "" for none
	}{
		{"running", func(*corev1.Pod, *corev1.Node) {}, ""},
		{"host network", func(p *corev1.Pod, _ *corev1.Node) { p.Spec.HostNetwork = true }, ""},
		{"not ready", func(p *corev1.Pod, _ *corev1.Node) { p.Status.ContainerStatuses[0].Ready = false }, ""},
		{"crashing, its network stands", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("app", "CrashLoopBackOff", "")}
		}, ""},
		{"node not ready, but its kubelet reports", func(_ *corev1.Pod, n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse }, ""},
		{"mirror", func(p *corev1.Pod, _ *corev1.Node) {
			p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
		}, "kubectl netlook node w1"},
		{"Windows by pod", func(p *corev1.Pod, _ *corev1.Node) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }, "Windows"},
		{"Windows by selector", func(p *corev1.Pod, _ *corev1.Node) {
			p.Spec.NodeSelector = map[string]string{operatingSystem: "windows"}
		}, "Windows"},
		{"Windows by node", func(_ *corev1.Pod, n *corev1.Node) { n.Status.NodeInfo.OperatingSystem = "windows" }, "Windows"},
		{"succeeded", func(p *corev1.Pod, _ *corev1.Node) { p.Status.Phase = corev1.PodSucceeded }, "has ended (Succeeded)"},
		{"evicted", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", "low on\nmemory"
		}, "has ended (Failed: Evicted: low on memory)"},
		{"terminating", func(p *corev1.Pod, _ *corev1.Node) { p.DeletionTimestamp = &metav1.Time{} }, "is being deleted"},
		{"unschedulable", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.Phase = corev1.PodPending
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"}}
		}, "does not run yet (Pending: Unschedulable: 0/3 nodes are available): see kubectl describe pod web-0 -n shop"},
		{"image", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.Phase = corev1.PodPending
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{waiting("init", "ImagePullBackOff", "no such image")}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("app", "PodInitializing", "")}
		}, "container init ImagePullBackOff: no such image"},
		{"init container runs", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.Phase = corev1.PodPending
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("app", "PodInitializing", "")}
		}, "init container init still runs"},
		{"no phase at all", func(p *corev1.Pod, _ *corev1.Node) { p.Status = corev1.PodStatus{} }, "does not run yet (Pending)"},
		{"kubelet silent", func(_ *corev1.Pod, n *corev1.Node) { silent(n) }, "the kubelet of w1 does not report since 2026-11-21T03:04:05Z"},
		{"nothing runs, no network", func(p *corev1.Pod, _ *corev1.Node) {
			p.Status.ContainerStatuses = nil
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse}}
		}, "no running container"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, n := pod("shop", "web-0", "w1", "10.244.1.3"), node("w1", "172.18.0.3")
			tt.change(p, n)
			expectVantage(t, CheckPodVantage(p, n), tt.want)
		})
	}
	t.Run("node not readable", func(t *testing.T) {
		expectVantage(t, CheckPodVantage(pod("shop", "web-0", "w1", "10.244.1.3"), nil), "")
	})
}

func TestCheckNodeVantage(t *testing.T) {
	tests := []struct {
		name   string
		change func(*corev1.Node)
		want   string
	}{
		{"ready", func(*corev1.Node) {}, ""},
		{"cordoned", func(n *corev1.Node) { n.Spec.Unschedulable = true }, ""},
		{"network plugin down", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse }, ""},
		{"fresh, no conditions", func(n *corev1.Node) { n.Status.Conditions = nil }, ""},
		{"kubelet silent", silent, "no probe can start on node w1: the kubelet of w1 does not report since 2026-11-21T03:04:05Z; see kubectl describe node w1"},
		{"Windows", func(n *corev1.Node) { n.Status.NodeInfo.OperatingSystem = "windows" }, "kubernetes.io/os=linux"},
		{"Windows by label only", func(n *corev1.Node) {
			n.Status.NodeInfo.OperatingSystem = ""
			n.Labels = map[string]string{operatingSystem: "windows"}
		}, "runs Windows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := node("w1", "172.18.0.3")
			tt.change(n)
			expectVantage(t, CheckNodeVantage(n), tt.want)
		})
	}
}

func expectVantage(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want == "":
	case err == nil:
		t.Errorf("accepted, want an error with %q", want)
	case !errors.Is(err, ErrVantage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("error %q\nwant %q", err, want)
	}
}

func TestServiceAccountMount(t *testing.T) {
	p := pod("shop", "web-0", "w1", "")
	if m := ServiceAccountMount(p); m == nil || m.Name != "kube-api-access-x" {
		t.Errorf("mount %+v", m)
	}
	p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers, nil
	if ServiceAccountMount(p) == nil {
		t.Error("not found in an init container")
	}
	p.Spec.InitContainers[0].VolumeMounts[0].MountPath = "/data"
	if m := ServiceAccountMount(p); m != nil {
		t.Errorf("another mount is taken for it: %+v", m)
	}
}

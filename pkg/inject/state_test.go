package inject

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func waitingState(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func TestObserve(t *testing.T) {
	status := func(s corev1.ContainerState) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "other"}, {Name: "probe", State: s}}
		}
	}
	tests := []struct {
		name    string
		change  func(*corev1.Pod)
		running bool
		waiting string
		kind    error
		text    []string
	}{
		{name: "not reported", change: func(*corev1.Pod) {}, waiting: "not reported"},
		{name: "being created", change: status(waitingState("ContainerCreating", "")), waiting: "ContainerCreating"},
		{name: "running", change: status(runningState()), running: true},
		{name: "running in a node pod", change: func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "probe", State: runningState()}}
		}, running: true},
		{name: "pull failed", change: status(waitingState("ErrImagePull", "dial tcp: no route\nto host")), kind: ErrImage, text: []string{"image repo/probe:1 cannot be pulled", "no route to host", "--image"}},
		{name: "pull backs off", change: status(waitingState("ImagePullBackOff", "Back-off")), kind: ErrImage, text: []string{"ImagePullBackOff"}},
		{name: "image name", change: status(waitingState("InvalidImageName", "could not parse")), kind: ErrImage, text: []string{`"repo/probe:1" is not valid`}},
		{name: "never pull", change: status(waitingState("ErrImageNeverPull", "")), kind: ErrImage, text: []string{"pull policy is Never"}},
		{name: "config", change: status(waitingState("CreateContainerConfigError", "runAsNonRoot\x1b[2J")), kind: ErrStart, text: []string{"CreateContainerConfigError", `runAsNonRoot\u001b[2J`}},
		{name: "create", change: status(waitingState("CreateContainerError", "x")), kind: ErrStart, text: []string{"CreateContainerError: x"}},
		{name: "run", change: status(waitingState("RunContainerError", "exec format error")), kind: ErrStart, text: []string{"exec format error"}},
		{name: "ended", change: status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}), kind: ErrStart, text: []string{"for lack of memory", "OOMKilled", "--no-inject"}},
		{name: "killed", change: status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error"}}), kind: ErrStart, text: []string{"was killed (SIGKILL)", "memory limit"}},
		{name: "ended", change: status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 4, Reason: "Error"}}), kind: ErrStart, text: []string{"exit code 4"}},
		{name: "pod is deleted", change: func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }, kind: ErrGone, text: []string{"being deleted"}},
		{name: "pod failed", change: func(p *corev1.Pod) {
			p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", "low on memory"
		}, kind: ErrGone, text: []string{"Evicted", "low on memory"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pod := testPod()
			test.change(pod)
			running, waiting, err := observe(pod, "probe", "repo/probe:1")
			if running != test.running || !strings.Contains(waiting, test.waiting) || (waiting == "") != (test.waiting == "") {
				t.Errorf("running %t, waiting %q", running, waiting)
			}
			if !errors.Is(err, test.kind) || (err != nil) != (test.kind != nil) {
				t.Fatalf("error %v, want kind %v", err, test.kind)
			}
			for _, text := range test.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q lacks %q", err, text)
				}
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("not one harmless line: %q", err)
			}
		})
	}
}

func TestAPIError(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	podSecurity := func(what string) error {
		return apierrors.NewForbidden(pods, "web-0", errors.New(`violates PodSecurity "restricted:latest": `+what))
	}
	tests := []struct {
		name    string
		err     error
		profile string
		kind    error
		text    []string
	}{
		{"rights", apierrors.NewForbidden(pods, "web-0", errors.New(`User "jane" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "shop"`)), Restricted, ErrNotAllowed, []string{`User "jane" cannot patch`}},
		{"pod security and netraw", podSecurity(`unrestricted capabilities (container "netlook-netraw-x" must not include "NET_RAW")`), NetRaw, ErrRefused, []string{"enforces Pod Security restricted:latest", "unrestricted capabilities", "default profile"}},
		{"pod security and an earlier container", podSecurity(`allowPrivilegeEscalation != false (container "debugger-x")`), Restricted, ErrRefused, []string{"debugger-x", "recreate the pod"}},
		{"pod security and a node pod", podSecurity(`host namespaces (hostNetwork=true)`), NodeBasic, ErrRefused, []string{"kube-system"}},
		{"webhook", apierrors.NewForbidden(pods, "web-0", errors.New(`admission webhook "x.example" denied the request: you cannot do that`)), Restricted, ErrRefused, []string{"you cannot do that"}},
		{"webhook without a service", apierrors.NewInternalError(errors.New(`failed calling webhook "x.example": failed to call webhook: Post "https://gone.shop.svc:443/?timeout=2s": service "gone" not found`)), Restricted, ErrWebhook, []string{`cannot ask admission webhook "x.example": service "gone" not found`, "validatingwebhookconfigurations"}},
		{"another internal error", apierrors.NewInternalError(errors.New("etcdserver: leader changed")), Restricted, ErrAPI, nil},
		{"gone", apierrors.NewNotFound(pods, "web-0"), Restricted, ErrGone, []string{"not there"}},
		{"invalid", apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "web-0", nil), Restricted, ErrRefused, nil},
		{"deadline", context.DeadlineExceeded, Restricted, ErrTimeout, nil},
		{"cancelled", context.Canceled, Restricted, context.Canceled, nil},
		{"network", errors.New("dial tcp: refused\x1b"), Restricted, ErrAPI, []string{`refused\u001b`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := apiError(test.err, test.profile, "add a probe to pod/shop/web-0")
			if !errors.Is(err, test.kind) {
				t.Errorf("%v is not %v", err, test.kind)
			}
			for _, text := range append(test.text, "add a probe to pod/shop/web-0") {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q lacks %q", err, text)
				}
			}
		})
	}
}

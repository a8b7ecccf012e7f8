package inject

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestSlowPull: a start that is over while the image is pulled says so, with what to do.
func TestSlowPull(t *testing.T) {
	for _, tt := range []struct {
		name, reasons string
		kind          error
		text          string
	}{
		{"still pulls", "Pulling", ErrImage, "pulling the image probe:test for pod/shop/web-0 is not done after 8s; give it longer with --start-timeout, or name a mirror"},
		{"pulls in vain", "Pulling Failed", ErrImage, "image probe:test cannot be pulled for pod/shop/web-0: Failed to pull image\x5cu001b[2J; give it longer"},
		{"has pulled at last", "Pulling Failed Pulled", ErrTimeout, "no probe in pod/shop/web-0 after 8s: ContainerCreating; if its image"},
		{"no event", "", ErrTimeout, "no probe in pod/shop/web-0 after 8s: ContainerCreating; if its image is still being pulled, give it longer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testPod())
				event := func(container, reason string) {
					e := &corev1.Event{
						ObjectMeta:     metav1.ObjectMeta{Namespace: "shop", GenerateName: "web-0.", Name: fmt.Sprintf("web-0.%s.%s", container, strings.ToLower(reason))},
						InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web-0", FieldPath: "spec.ephemeralContainers{" + container + "}"},
						Type:           corev1.EventTypeWarning, Reason: reason, Message: reason + " to pull image\x1b[2J",
					}
					if _, err := w.client.CoreV1().Events("shop").Create(t.Context(), e, metav1.CreateOptions{}); err != nil {
						t.Fatal(err)
					}
				}
				event("another", "Pulled")
				event("another", "Failed")
				for _, reason := range strings.Fields(tt.reasons) {
					event(coldName, reason)
				}
				go func() {
					time.Sleep(time.Second)
					w.setState(testPod(), coldName, waitingState(creating, ""))
				}()
				o := w.options()
				o.Timeout = 8 * time.Second
				_, err := startInPod(t.Context(), w.env(), testPod(), o)
				if !errors.Is(err, tt.kind) || !strings.HasPrefix(err.Error(), tt.text) {
					t.Errorf("%v, want %s", err, tt.text)
				}
			})
		})
	}
}

// TestBrief: what a registry says at length is not repeated where it is told beside it.
func TestBrief(t *testing.T) {
	pod := testPod()
	pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "probe", State: waitingState("ErrImagePull", "rpc error: "+strings.Repeat("x", 300))}}
	_, _, err := observe(pod, "probe", "repo/probe:1")
	text, hint := Brief(fmt.Errorf("start: %w", err))
	if text != "image repo/probe:1 cannot be pulled for pod/shop/web-0 (ErrImagePull)" || !strings.Contains(hint, "--image") {
		t.Errorf("%q, %q", text, hint)
	}
	if text, hint := Brief(errors.New("x")); text != "x" || hint != "" {
		t.Errorf("%q, %q", text, hint)
	}
}

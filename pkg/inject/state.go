package inject

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// observe reads from a pod how far the probe's container is. Running is true when it
// runs; waiting says, for people, why it does not yet. An error says that it will
// not: there is nothing to wait for.
func observe(pod *corev1.Pod, container, image string) (running bool, waiting string, err error) {
	where := fmt.Sprintf("pod/%s/%s", pod.Namespace, pod.Name)
	if pod.DeletionTimestamp != nil {
		return false, "", fail(ErrGone, "", "%s is being deleted", where)
	}
	status, found := containerStatus(pod, container)
	if found {
		switch {
		case status.State.Running != nil:
			return true, "", nil
		case status.State.Terminated != nil:
			return false, "", terminated(where, container, status.State.Terminated)
		case status.State.Waiting != nil:
			if err := hopeless(where, image, status.State.Waiting); err != nil {
				return false, "", err
			}
			waiting = status.State.Waiting.Reason
		}
	}
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return false, "", fail(ErrGone, "", "%s has ended: %s", where, reasonAndMessage(string(pod.Status.Phase)+" "+pod.Status.Reason, pod.Status.Message))
	}
	if waiting == "" {
		waiting = "the kubelet has not reported it yet"
	}
	return false, waiting, nil
}

func containerStatus(pod *corev1.Pod, name string) (corev1.ContainerStatus, bool) {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.EphemeralContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			if s.Name == name {
				return s, true
			}
		}
	}
	return corev1.ContainerStatus{}, false
}

// hopeless gives the error for a reason to wait that does not go away by waiting, or
// nil. The reasons are those of kubelet (pkg/kubelet/images/types.go,
// pkg/kubelet/container/sync_result.go). A pull that failed is one too: kubelet
// would try again for ever, with growing pauses, and a person would not.
func hopeless(where, image string, w *corev1.ContainerStateWaiting) error {
	const otherImage = "give an image that the node can pull with --image (a mirror of it, or an internal registry)"
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError":
		return fail(ErrImage, otherImage, "image %s cannot be pulled for %s: %s", image, where, reasonAndMessage(w.Reason, w.Message))
	case "InvalidImageName":
		return fail(ErrImage, "correct --image", "image name %q is not valid: %s", image, reasonAndMessage(w.Reason, w.Message))
	case "ErrImageNeverPull":
		return fail(ErrImage, "load it onto the node, or use another --image-pull-policy", "image %s is not on the node of %s, and the pull policy is Never", image, where)
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PostStartHookError", "CrashLoopBackOff":
		return fail(ErrStart, "", "the probe cannot start in %s: %s", where, reasonAndMessage(w.Reason, w.Message))
	}
	return nil
}

// sigkill is the exit code of a process that was killed with signal 9, as the shell and
// the container runtimes count it.
const sigkill = 128 + 9

func terminated(where, container string, t *corev1.ContainerStateTerminated) *Error {
	how := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Signal != 0 {
		how = fmt.Sprintf("signal %d", t.Signal)
	}
	e := fail(ErrStart, "", "the probe %s in %s has ended (%s): %s", container, where, how, reasonAndMessage(t.Reason, t.Message))
	switch {
	case t.Reason == "OOMKilled":
		e = fail(ErrStart, "aim at fewer targets at once, or use --no-inject",
			"the probe %s in %s was killed for lack of memory (%s)", container, where, reasonAndMessage(t.Reason, t.Message))
	case t.ExitCode == sigkill || t.Signal == 9:
		// The pod's limits hold for the probe too, and then the runtime does not say so.
		e = fail(ErrStart, "see the pod's memory limit and the node's kernel log (dmesg), and run it again",
			"the probe %s in %s was killed (SIGKILL): by somebody, or by the kernel for lack of memory in the pod or on the node", container, where)
	}
	e.ended = true
	return e
}

func reasonAndMessage(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + message
}

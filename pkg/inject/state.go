package inject

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// observe reads from a pod how far the container of a probe, or what noun says, is. Running is true when it
// runs; waiting says, for people, why it does not yet. An error says that it will
// not: there is nothing to wait for.
func observe(pod *corev1.Pod, container, image, noun string) (running bool, waiting string, err error) {
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
			err := terminated(where, container, status.State.Terminated)
			if noun == shellNoun {
				err.Hint = shellHint(image, status.State.Terminated)
			}
			return false, "", err
		case status.State.Waiting != nil:
			if err := hopeless(pod, where, image, status.State.Waiting); err != nil {
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
func hopeless(pod *corev1.Pod, where, image string, w *corev1.ContainerStateWaiting) error {
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError":
		e := fail(ErrImage, pullHint(pod, w.Message), "image %s cannot be pulled for %s: %s", image, where, reasonAndMessage(w.Reason, w.Message))
		e.Short = wire.Clean(fmt.Sprintf("image %s cannot be pulled for %s (%s)", image, where, w.Reason), maxMessage)
		return e
	case "InvalidImageName":
		return fail(ErrImage, "correct --image", "image name %q is not valid: %s", image, reasonAndMessage(w.Reason, w.Message))
	case "ErrImageNeverPull":
		return fail(ErrImage, "load it onto the node, or use another --image-pull-policy", "image %s is not on the node of %s, and the pull policy is Never", image, where)
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PostStartHookError", "CrashLoopBackOff":
		return fail(ErrStart, "", "the container cannot start in %s: %s", where, reasonAndMessage(w.Reason, w.Message))
	}
	return nil
}

// credentials are words of registries that want to know who asks (distribution
// specification: UNAUTHORIZED, DENIED; HTTP's 401 and 403).
var credentials = regexp.MustCompile(`(?i)unauthori[sz]ed|authoriz|authenticat|credential|denied|\b40[13]\b`)

// pullHint says what to type when an image cannot be pulled. Where the registry asks
// for credentials they must come from the right place: an ephemeral container has none
// but its pod's, and a pod's cannot be changed.
func pullHint(pod *corev1.Pod, why string) string {
	const otherImage = "give an image that the node can pull with --image (a mirror of it, or an internal registry: see kubectl netlook image)"
	switch {
	case !credentials.MatchString(why):
		return otherImage
	case pod.Labels[managedByLabel] == managedBy:
		return "name a pull secret of namespace " + pod.Namespace + " with --image-pull-secret, or " + otherImage
	}
	var secrets []string
	for _, s := range pod.Spec.ImagePullSecrets {
		secrets = append(secrets, s.Name)
	}
	has := "it has none"
	if len(secrets) > 0 {
		has = "it has " + strings.Join(secrets, ", ")
	}
	account := cmp.Or(pod.Spec.ServiceAccountName, "default")
	return fmt.Sprintf("an ephemeral container pulls with the pull secrets of its pod (%s) and the node's own credentials only: %s; or, for pods made from then on: kubectl -n %s patch serviceaccount %s -p '{\"imagePullSecrets\":[{\"name\":\"SECRET\"}]}'",
		has, otherImage, pod.Namespace, account)
}

// sigkill is the exit code of a process that was killed with signal 9, as the shell and
// the container runtimes count it.
const sigkill = 128 + 9

func terminated(where, container string, t *corev1.ContainerStateTerminated) *Error {
	how := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Signal != 0 {
		how = fmt.Sprintf("signal %d", t.Signal)
	}
	e := fail(ErrStart, "", "the container %s in %s has ended (%s): %s", container, where, how, reasonAndMessage(t.Reason, t.Message))
	switch {
	case t.Reason == "OOMKilled":
		e = fail(ErrStart, "aim at fewer targets at once, or use --no-inject",
			"the container %s in %s was killed for lack of memory (%s)", container, where, reasonAndMessage(t.Reason, t.Message))
	case t.ExitCode == sigkill || t.Signal == 9:
		// The pod's limits hold for the probe too, and then the runtime does not say so.
		e = fail(ErrStart, "see the pod's memory limit and the node's kernel log (dmesg), and run it again",
			"the container %s in %s was killed (SIGKILL): by somebody, or by the kernel for lack of memory in the pod or on the node", container, where)
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

package cluster

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// operatingSystem is the label that kubelets put on their nodes, and that pods
// select by.
const operatingSystem = corev1.LabelOSStable

// CheckPodVantage tells whether a probe can be put into the pod: nil when it can,
// else an error of kind ErrVantage with a way out. node is the pod's, nil when it
// could not be read.
//
// A pod whose containers crash is usable as long as its sandbox stands: the kubelet
// starts ephemeral containers first. So is a pod on its node's network.
func CheckPodVantage(pod *corev1.Pod, node *corev1.Node) error {
	name := "pod " + pod.Namespace + "/" + pod.Name
	refuse := func(format string, args ...any) error {
		return problemf(ErrVantage, "%s %s", name, fmt.Sprintf(format, args...))
	}
	switch {
	case isMirror(pod):
		return refuse("is a static pod, which accepts no ephemeral container: look from its node with kubectl netlook node %s", plain(pod.Spec.NodeName, maxWord))
	case isWindowsPod(pod) || node != nil && isWindows(node):
		return refuse("runs on Windows, where the probe cannot: choose a pod on a Linux node")
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return refuse("has ended (%s), its network is gone: choose one that runs (kubectl get pods -n %s --field-selector=status.phase=Running)",
			because(string(pod.Status.Phase), because(pod.Status.Reason, pod.Status.Message)), pod.Namespace)
	case pod.DeletionTimestamp != nil:
		return refuse("is being deleted: choose one that stays")
	case pod.Status.Phase != corev1.PodRunning:
		return refuse("does not run yet (%s): see kubectl describe pod %s -n %s", because(phase(pod), whyPending(pod)), pod.Name, pod.Namespace)
	case node != nil && kubeletSilent(node) != nil:
		return refuse("cannot be reached by its node's kubelet: %s", silence(node))
	case !anyRunning(pod) && sandboxGone(pod):
		return refuse("has no running container and no network of its own at the moment: see kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
	}
	return nil
}

// CheckNodeVantage tells whether a probe pod can run on the node, like
// CheckPodVantage. An unschedulable node is usable: the probe is bound to it by name.
// So is one whose network plugin is down, since the probe uses the host's network.
func CheckNodeVantage(node *corev1.Node) error {
	switch {
	case isWindows(node):
		return problemf(ErrVantage, "node %s runs Windows, where the probe cannot: choose a Linux node (kubectl get nodes -l %s=linux)", node.Name, operatingSystem)
	case kubeletSilent(node) != nil:
		return &problem{kind: ErrVantage, cause: ErrSilent, text: fmt.Sprintf("no probe can start on node %s: %s", node.Name, silence(node))}
	}
	return nil
}

// isMirror reports whether the pod only mirrors a static one, which the kubelet
// reads from a file of its node.
func isMirror(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

func isWindowsPod(pod *corev1.Pod) bool {
	return pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows ||
		pod.Spec.NodeSelector[operatingSystem] == string(corev1.Windows)
}

func isWindows(node *corev1.Node) bool {
	return nodeOS(node) == string(corev1.Windows)
}

// nodeOS is what the kubelet reports, or the label when it has not reported yet.
func nodeOS(node *corev1.Node) string {
	if os := node.Status.NodeInfo.OperatingSystem; os != "" {
		return plain(os, maxWord)
	}
	return plain(node.Labels[operatingSystem], maxWord)
}

// kubeletSilent returns the Ready condition of a node whose kubelet has stopped
// reporting, else nil. Ready=False is not that: the kubelet works and says so.
func kubeletSilent(node *corev1.Node) *corev1.NodeCondition {
	if ready := nodeReady(node); ready != nil && ready.Status == corev1.ConditionUnknown {
		return ready
	}
	return nil
}

func silence(node *corev1.Node) string {
	since := ""
	if heard := kubeletSilent(node).LastHeartbeatTime; !heard.IsZero() {
		since = " since " + heard.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("the kubelet of %s does not report%s; see kubectl describe node %s", node.Name, since, node.Name)
}

func phase(pod *corev1.Pod) string {
	if pod.Status.Phase == "" {
		return string(corev1.PodPending)
	}
	return string(pod.Status.Phase)
}

// whyPending finds the reason that helps most: why it has no node, what its
// containers wait for, or what else the kubelet says.
func whyPending(pod *corev1.Pod) string {
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return because(cond.Reason, cond.Message)
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		// PodInitializing only says that another container comes first.
		if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" {
			return "container " + plain(s.Name, maxWord) + " " + because(w.Reason, w.Message)
		}
	}
	for _, s := range pod.Status.InitContainerStatuses {
		if s.State.Running != nil {
			return "init container " + plain(s.Name, maxWord) + " still runs"
		}
	}
	return because(pod.Status.Reason, pod.Status.Message)
}

func anyRunning(pod *corev1.Pod) bool {
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running != nil {
			return true
		}
	}
	return false
}

// sandboxGone reports whether the pod's network namespace is known not to stand:
// the kubelet says so, or it has never reported an address.
func sandboxGone(pod *corev1.Pod) bool {
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodReadyToStartContainers {
			return cond.Status == corev1.ConditionFalse
		}
	}
	return pod.Status.PodIP == "" && len(pod.Status.PodIPs) == 0
}

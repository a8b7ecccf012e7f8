package cluster

import corev1 "k8s.io/api/core/v1"

// serviceAccountPath is where the API server's admission mounts the token, the
// namespace and the cluster's CA.
const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// caFile is the cluster's CA inside that mount. A node probe finds it at the same
// place.
const caFile = serviceAccountPath + "/ca.crt"

// ServiceAccountMount returns the mount through which a container of the pod sees
// the service account volume, nil when none does (automountServiceAccountToken:
// false). A probe that mounts the same volume sees the same CA.
func ServiceAccountMount(pod *corev1.Pod) *corev1.VolumeMount {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for _, container := range containers {
			for _, mount := range container.VolumeMounts {
				if mount.MountPath == serviceAccountPath {
					return mount.DeepCopy()
				}
			}
		}
	}
	return nil
}

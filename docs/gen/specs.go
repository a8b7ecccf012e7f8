package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// The places of the examples.
const (
	image     = "docker.io/netlook/probe:v0.1.0"
	build     = "0123456789ab"
	namespace = "shop"
	probes    = "netlook"
)

func options(profile string) inject.Options {
	return inject.Options{Image: image, PullPolicy: "IfNotPresent", Profile: profile, Lifetime: inject.DefaultLifetime, KeepAlive: inject.DefaultKeepAlive}
}

// container is what is added to a pod, as kubectl get pod -o yaml shows it then.
func container(_, profile string) (string, error) {
	account := corev1.VolumeMount{Name: "kube-api-access-x", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", VolumeMounts: []corev1.VolumeMount{account}}}}}
	c, err := inject.EphemeralContainer(pod, options(profile), build)
	if err != nil {
		return "", err
	}
	c.Name = "netlook-" + profile + "-x7k2p"
	text, err := yaml.Marshal(corev1.PodSpec{EphemeralContainers: []corev1.EphemeralContainer{*c}})
	if err != nil {
		return "", err
	}
	// A PodSpec says that it has no containers.
	return fence("yaml", strings.Replace(string(text), "containers: null\n", "", 1)), nil
}

// nodePod is the pod that looks from a node.
func nodePod(_, profile string) (string, error) {
	pod, err := inject.NodePod(probes, "w1", options(profile), build)
	if err != nil {
		return "", err
	}
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.Name = "netlook-w1-x7k2p"
	text, err := yaml.Marshal(pod)
	if err != nil {
		return "", err
	}
	// What a status says is not for us to write.
	return fence("yaml", strings.Replace(string(text), "status: {}\n", "", 1)), nil
}

// roles are those of a rung, bound to a group.
func roles(_, purpose string) (string, error) {
	text, err := cluster.RoleYAML(cluster.RoleOptions{For: cluster.Purpose(purpose), Namespace: namespace, ProbeNamespace: probes, Group: "sre"})
	if err != nil {
		return "", err
	}
	return fence("yaml", string(text)), nil
}

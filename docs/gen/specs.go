package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

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

// shell is the toolbox of `shell` with a terminal: in a pod, or on a node.
func shell(_, where string) (string, error) {
	o := inject.ShellOptions{Options: options(inject.Restricted), TTY: true, Stdin: true, Term: "xterm-256color"}
	o.Image, o.Timeout, o.Lifetime = "docker.io/netlook/toolbox:v0.1.0", time.Minute, inject.DefaultShellLifetime
	switch where {
	case "pod":
		c, err := inject.ShellEphemeralContainer(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-0"}}, o)
		if err != nil {
			return "", err
		}
		c.Name = "netlook-shell-x7k2p"
		return spec(corev1.PodSpec{EphemeralContainers: []corev1.EphemeralContainer{*c}})
	case "node":
		o.Profile = inject.NodeBasic
		pod, err := inject.ShellNodePod(probes, "w1", o)
		if err != nil {
			return "", err
		}
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		pod.Name = "netlook-w1-x7k2p"
		return spec(pod)
	}
	return "", fmt.Errorf("a shell is in a pod or on a node, not in %q", where)
}

// spec is an object as YAML, without what the API's types say of what is not there.
func spec(object any) (string, error) {
	text, err := yaml.Marshal(object)
	if err != nil {
		return "", err
	}
	return fence("yaml", strings.NewReplacer("containers: null\n", "", "status: {}\n", "").Replace(string(text))), nil
}

// toolbox lists the Debian packages that the toolbox's image is made of.
func toolbox(root, _ string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "images", "toolbox", "packages.txt"))
	if err != nil {
		return "", err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name := strings.TrimSpace(line); name != "" && !strings.HasPrefix(name, "#") {
			names = append(names, "`"+name+"`")
		}
	}
	return fmt.Sprintf("%d Debian packages, and what they depend on: %s.", len(names), strings.Join(names, ", ")), nil
}

// roles are those of a rung, bound to a group.
func roles(_, purpose string) (string, error) {
	text, err := cluster.RoleYAML(cluster.RoleOptions{For: cluster.Purpose(purpose), Namespace: namespace, ProbeNamespace: probes, Group: "sre"})
	if err != nil {
		return "", err
	}
	return fence("yaml", string(text)), nil
}

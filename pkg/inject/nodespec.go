package inject

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// managedBy marks what Cleanup may delete.
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "kubectl-netlook"
	componentLabel = "app.kubernetes.io/component"
	nodeContainer  = "probe"
	// nodeSpare is how much longer than the probe its pod may live.
	nodeSpare = time.Minute
)

// NodePod is the probe for a node: an ordinary pod in the node's own network
// namespace, without a name, with nothing else of the node: no host PID, no mounts,
// no credentials.
func NodePod(namespace, node string, o Options, build string) (*corev1.Pod, error) {
	p, err := lookup(nodeProfiles, o.Profile)
	if err != nil {
		return nil, err
	}
	deadline := int64((o.Lifetime + nodeSpare).Seconds())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Labels: map[string]string{
				managedByLabel:           managedBy,
				"app.kubernetes.io/name": "netlook-probe",
				componentLabel:           "node-probe",
			},
			Annotations: map[string]string{
				"netlook.dev/about": "temporary; removed by the run of kubectl netlook that made it, or by kubectl netlook cleanup",
			},
		},
		Spec: corev1.PodSpec{
			NodeName:    node, // past the scheduler: cordoned and full nodes are looked at too
			HostNetwork: true,
			// The node's own resolv.conf: its view is what is examined.
			DNSPolicy:                     corev1.DNSDefault,
			RestartPolicy:                 corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         &deadline,
			TerminationGracePeriodSeconds: new(int64(0)),
			AutomountServiceAccountToken:  new(false),
			EnableServiceLinks:            new(false),
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name:                     nodeContainer,
				Image:                    o.Image,
				ImagePullPolicy:          corev1.PullPolicy(o.PullPolicy),
				Args:                     arguments(o),
				Env:                      []corev1.EnvVar{{Name: envBuild, Value: build}},
				Stdin:                    true,
				TerminationMessagePolicy: corev1.TerminationMessageReadFile,
				SecurityContext:          p.securityContext(),
				VolumeMounts:             []corev1.VolumeMount{{Name: "cluster-ca", MountPath: accountPath, ReadOnly: true}},
				// Namespaces with a quota accept only pods that say what they take.
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				},
			}},
			Volumes: []corev1.Volume{{Name: "cluster-ca", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				Sources: []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
					LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
					Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
					// A namespace without it is no reason not to start.
					Optional: new(true),
				}}},
			}}}},
		},
	}
	for _, name := range o.PullSecrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return pod, nil
}

// nodePodName is readable and fits a label: names of nodes may be long and dotted.
func nodePodName(node string, suffix func(int) string) string {
	name := strings.ReplaceAll(node, ".", "-")
	name = strings.Trim(name[:min(len(name), 40)], "-")
	return "netlook-" + name + "-" + suffix(5)
}

// same reports whether an ephemeral container is a probe as wanted.
func same(c, wanted *corev1.EphemeralContainer) bool {
	return c.Stdin && !c.TTY && !c.StdinOnce &&
		variable(c, envBuild) == variable(wanted, envBuild) &&
		variable(c, envSpec) == variable(wanted, envSpec) &&
		equality.Semantic.DeepEqual(c.SecurityContext, wanted.SecurityContext)
}

func variable(c *corev1.EphemeralContainer, name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

package inject

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/netlook/kubectl-netlook/pkg/version"
)

const (
	shellContainer = "toolbox"
	// shellComponent tells pods of shells from those of probes.
	shellComponent = "node-toolbox"
	// envWhere is where the toolbox is, for its prompt.
	envWhere = "NETLOOK_WHERE"
)

// terminals are the names that TERM may have; what else is in it is not passed on.
var terminals = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,40}$`)

// ShellEphemeralContainer is the toolbox for a pod, without a name: secured like a
// probe of the same profile, without the pod's service account.
func ShellEphemeralContainer(pod *corev1.Pod, o ShellOptions) (*corev1.EphemeralContainer, error) {
	p, err := lookup(podProfiles, o.Profile)
	if err != nil {
		return nil, err
	}
	return &corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Image:           o.Image,
		ImagePullPolicy: corev1.PullPolicy(o.PullPolicy),
		Args:            o.arguments(),
		Env:             o.variables(fmt.Sprintf("pod/%s/%s", pod.Namespace, pod.Name)),
		Stdin:           true,
		StdinOnce:       !o.TTY, // the end of ours is the end of its
		TTY:             o.TTY,
		SecurityContext: p.securityContext(),
	}}, nil
}

// ShellNodePod is the toolbox for a node, without a name: a probe's pod with another
// container in it, and a place to write to.
func ShellNodePod(namespace, node string, o ShellOptions) (*corev1.Pod, error) {
	pod, err := NodePod(namespace, node, o.Options, version.Build())
	if err != nil {
		return nil, err
	}
	pod.Labels["app.kubernetes.io/name"] = "netlook-toolbox"
	pod.Labels[componentLabel] = shellComponent
	pod.Annotations["netlook.dev/about"] = "temporary; removed when the shell ends that made it, or by kubectl netlook cleanup --shells"
	// The deadline runs from when the kubelet has seen the pod; the lifetime begins when
	// the image is there and somebody has attached. What --start-timeout gave to that is
	// not taken from the shell, which could not say why it ended.
	*pod.Spec.ActiveDeadlineSeconds += int64(o.Timeout.Seconds())
	pod.Spec.Volumes = []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("256Mi"))},
	}}}
	c := &pod.Spec.Containers[0]
	c.Name, c.Args, c.Env = shellContainer, o.arguments(), o.variables("node/"+node)
	c.StdinOnce, c.TTY = !o.TTY, o.TTY
	c.VolumeMounts = []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}}
	c.Resources.Limits[corev1.ResourceMemory] = resource.MustParse("512Mi")
	return pod, nil
}

// arguments are those of the image's entry, images/toolbox/files/usr/local/bin/netlook-shell.
func (o ShellOptions) arguments() []string {
	args := []string{
		fmt.Sprintf("--wait=%d", int(o.Timeout.Seconds())+1),
		fmt.Sprintf("--lifetime=%d", int(o.Lifetime.Seconds())),
	}
	if !o.TTY && !o.Stdin {
		args = append(args, "--lifeline")
	}
	args = append(args, "--")
	for _, word := range o.Command {
		// The kubelet replaces $(NAME) in arguments, and $$ by $.
		args = append(args, strings.ReplaceAll(word, "$", "$$"))
	}
	return args
}

func (o ShellOptions) variables(where string) []corev1.EnvVar {
	list := []corev1.EnvVar{{Name: envWhere, Value: where}}
	if o.TTY && terminals.MatchString(o.Term) {
		list = append(list, corev1.EnvVar{Name: "TERM", Value: o.Term})
	}
	return list
}

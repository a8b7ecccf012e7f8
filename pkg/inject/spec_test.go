package inject

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func suffix(int) string { return "abcde" }

func TestEphemeralContainer(t *testing.T) {
	contextFor := func(user int64, nonRoot bool, add ...corev1.Capability) *corev1.SecurityContext {
		return &corev1.SecurityContext{
			RunAsUser: &user, RunAsGroup: &user, RunAsNonRoot: &nonRoot,
			AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true), Privileged: new(false),
			SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"},
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: add},
		}
	}
	for profile, security := range map[string]*corev1.SecurityContext{
		Restricted: contextFor(65532, true),
		NetRaw:     contextFor(0, false, "NET_RAW"),
		NetAdmin:   contextFor(0, false, "NET_RAW", "NET_ADMIN"),
	} {
		t.Run(profile, func(t *testing.T) {
			o := Options{Image: "probe:1", PullPolicy: "Never", Profile: profile, Lifetime: 15 * time.Minute, KeepAlive: time.Minute}
			got, err := EphemeralContainer(testPod(), o, "b1")
			if err != nil {
				t.Fatal(err)
			}
			want := &corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
				Image: "probe:1", ImagePullPolicy: "Never",
				Args:                     []string{"--lifetime=15m0s", "--max-idle=10m0s"},
				Stdin:                    true,
				VolumeMounts:             []corev1.VolumeMount{{Name: "kube-api-access-x", MountPath: accountPath, ReadOnly: true}},
				TerminationMessagePolicy: "File",
				SecurityContext:          security,
				Env:                      []corev1.EnvVar{{Name: "NETLOOK_BUILD", Value: "b1"}, {Name: "NETLOOK_SPEC", Value: variable(got, envSpec)}},
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(variable(got, envSpec)) != 16 {
				t.Errorf("fingerprint %q", variable(got, envSpec))
			}
		})
	}
	for _, unknown := range []string{"", "root", NodeBasic} {
		if _, err := EphemeralContainer(testPod(), Options{Profile: unknown}, "b1"); err == nil || !strings.Contains(err.Error(), "netadmin, netraw, restricted") {
			t.Errorf("profile %q: %v", unknown, err)
		}
	}
}

func TestAccountMounts(t *testing.T) {
	mount := func(path, sub string) []corev1.VolumeMount {
		return []corev1.VolumeMount{{Name: "v", MountPath: path, SubPath: sub}}
	}
	tests := []struct {
		name   string
		mounts []corev1.VolumeMount
		want   int
	}{
		{"none", nil, 0},
		{"another", mount("/data", ""), 0},
		{"a subpath, which the API refuses here", mount(accountPath, "x"), 0},
		{"account", mount(accountPath, ""), 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{}, {VolumeMounts: test.mounts}}}}
			got := accountMounts(pod)
			if len(got) != test.want || (len(got) == 1 && !got[0].ReadOnly) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestNodePod(t *testing.T) {
	o := Options{Image: "probe:1", Profile: NodeBasic, Lifetime: 10 * time.Minute, PullSecrets: []string{"s1"}}
	got, err := NodePod("kube-system", "w1", o, "b1")
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Spec; !s.HostNetwork || s.HostPID || s.HostIPC || s.NodeName != "w1" || s.DNSPolicy != "Default" || s.RestartPolicy != "Never" ||
		*s.ActiveDeadlineSeconds != 660 || *s.TerminationGracePeriodSeconds != 0 || *s.AutomountServiceAccountToken || len(s.Containers) != 1 {
		t.Errorf("spec: %+v", s)
	}
	if diff := cmp.Diff([]corev1.Toleration{{Operator: "Exists"}}, got.Spec.Tolerations); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "s1"}}, got.Spec.ImagePullSecrets); diff != "" {
		t.Error(diff)
	}
	if got.Labels[managedByLabel] != managedBy {
		t.Errorf("labels: %v", got.Labels)
	}
	for _, v := range got.Spec.Volumes {
		if v.Projected == nil || len(v.Projected.Sources) != 1 || v.Projected.Sources[0].ConfigMap == nil {
			t.Errorf("a volume that is not the CA: %+v", v)
		}
	}
	for profile, add := range map[string][]corev1.Capability{NodeBasic: {"NET_RAW"}, NetRaw: {"NET_RAW"}, NetAdmin: {"NET_RAW", "NET_ADMIN"}} {
		o.Profile = profile
		pod, err := NodePod("ns", "w1", o, "b1")
		if err != nil {
			t.Fatal(err)
		}
		c := pod.Spec.Containers[0].SecurityContext
		if diff := cmp.Diff(&corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: add}, c.Capabilities); diff != "" {
			t.Errorf("%s: %s", profile, diff)
		}
		if *c.Privileged || *c.AllowPrivilegeEscalation || !*c.ReadOnlyRootFilesystem || *c.RunAsUser != 0 {
			t.Errorf("%s: %+v", profile, c)
		}
	}
	o.Profile = Restricted
	if _, err := NodePod("ns", "w1", o, "b1"); err == nil {
		t.Error("profile restricted accepted for a node")
	}
}

func TestNodePodName(t *testing.T) {
	for node, want := range map[string]string{
		"w1":                                     "netlook-w1-abcde",
		"ip-10-0-0-1.ec2.local":                  "netlook-ip-10-0-0-1-ec2-local-abcde",
		strings.Repeat("a", 39) + ".example.com": "netlook-" + strings.Repeat("a", 39) + "-abcde",
		strings.Repeat("n", 253):                 "netlook-" + strings.Repeat("n", 40) + "-abcde",
	} {
		if got := nodePodName(node, suffix); got != want || len(got) > 63 {
			t.Errorf("%s: %s, want %s", node, got, want)
		}
	}
}

func TestWarmContainers(t *testing.T) {
	o := Options{Image: "probe:1", Profile: Restricted, Lifetime: time.Minute}
	build := func(change func(*Options), buildID string) *corev1.EphemeralContainer {
		o := o
		if change != nil {
			change(&o)
		}
		c, err := EphemeralContainer(testPod(), o, buildID)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wanted := build(nil, "b1")
	tests := []struct {
		name string
		c    *corev1.EphemeralContainer
		// change what admission or somebody else made of it
		change func(*corev1.EphemeralContainer)
		ended  bool
		want   bool
	}{
		{name: "the same", c: wanted, want: true},
		{name: "ended", c: wanted, ended: true},
		{name: "another image", c: build(func(o *Options) { o.Image = "probe:2" }, "b1")},
		{name: "another build", c: build(nil, "b2")},
		{name: "another profile", c: build(func(o *Options) { o.Profile = NetRaw }, "b1")},
		{name: "another lifetime", c: build(func(o *Options) { o.Lifetime = time.Hour }, "b1")},
		{name: "another keep-alive", c: build(func(o *Options) { o.KeepAlive = time.Minute }, "b1"), want: true},
		{name: "a longer keep-alive than it allows", c: build(func(o *Options) { o.KeepAlive = time.Hour }, "b1")},
		{name: "image rewritten by admission", c: wanted, change: func(c *corev1.EphemeralContainer) { c.Image = "mirror/probe:1" }, want: true},
		{name: "variable added by admission", c: wanted, change: func(c *corev1.EphemeralContainer) { c.Env = append(c.Env, corev1.EnvVar{Name: "X"}) }, want: true},
		{name: "privileged in disguise", c: wanted, change: func(c *corev1.EphemeralContainer) { c.SecurityContext.Privileged = new(true) }},
		{name: "no security context", c: wanted, change: func(c *corev1.EphemeralContainer) { c.SecurityContext = nil }},
		{name: "a terminal", c: wanted, change: func(c *corev1.EphemeralContainer) { c.TTY = true }},
		{name: "kubectl debug", c: &corev1.EphemeralContainer{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := test.c.DeepCopy()
			if test.change != nil {
				test.change(c)
			}
			c.Name = "x"
			status := corev1.ContainerStatus{Name: "x", State: runningState()}
			if test.ended {
				status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
			}
			pod := testPod()
			pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{*c}
			pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{status}
			running, pending := warmContainers(pod, wanted)
			if got := len(running) == 1; got != test.want || len(pending) > 0 {
				t.Errorf("running %v, pending %v", running, pending)
			}
		})
	}
}

func TestWarmContainersLatestFirst(t *testing.T) {
	wanted, err := EphemeralContainer(testPod(), Options{Image: "p", Profile: Restricted}, "b1")
	if err != nil {
		t.Fatal(err)
	}
	pod := testPod()
	for i, name := range []string{"old", "latest", "middle"} {
		c := wanted.DeepCopy()
		c.Name = name
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, *c)
		at := metav1.NewTime(time.Unix([]int64{1, 3, 2}[i], 0))
		pod.Status.EphemeralContainerStatuses = append(pod.Status.EphemeralContainerStatuses,
			corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}})
	}
	running, _ := warmContainers(pod, wanted)
	if diff := cmp.Diff([]string{"latest", "middle", "old"}, running); diff != "" {
		t.Error(diff)
	}
}

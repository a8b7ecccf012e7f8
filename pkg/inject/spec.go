package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The profiles: security rungs of a probe.
const (
	Restricted = "restricted" // passes Pod Security "restricted" as it is
	NetRaw     = "netraw"     // + CAP_NET_RAW: ICMP and packet sockets
	NetAdmin   = "netadmin"   // + CAP_NET_ADMIN: conntrack and nftables
	NodeBasic  = "node"       // a pod on the node's network, with CAP_NET_RAW
)

const (
	// userID is any number but 0: the probe owns no file.
	userID = 65532
	// accountPath is where kubelet mounts a service account, and so the cluster's CA.
	accountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
	// envBuild and envSpec mark a probe, so that a later run finds it warm.
	envBuild = "NETLOOK_BUILD"
	envSpec  = "NETLOOK_SPEC"
	// maxIdle is the least upper bound of keep-alives that a probe is started with,
	// so that runs with different keep-alives share it.
	maxIdle = 10 * time.Minute
)

// profile is a security rung: what it adds to a container that has nothing.
type profile struct {
	root         bool // capabilities of another user would not be in its effective set (kubernetes issue 56374)
	capabilities []corev1.Capability
}

var podProfiles = map[string]profile{
	Restricted: {},
	NetRaw:     {root: true, capabilities: []corev1.Capability{"NET_RAW"}},
	NetAdmin:   {root: true, capabilities: []corev1.Capability{"NET_RAW", "NET_ADMIN"}},
}

var nodeProfiles = map[string]profile{
	NodeBasic: {root: true, capabilities: []corev1.Capability{"NET_RAW"}},
	NetRaw:    {root: true, capabilities: []corev1.Capability{"NET_RAW"}},
	NetAdmin:  {root: true, capabilities: []corev1.Capability{"NET_RAW", "NET_ADMIN"}},
}

// PodProfiles and NodeProfiles list the profiles that each vantage point knows.
func PodProfiles() []string { return names(podProfiles) }

// NodeProfiles lists those of a node vantage point.
func NodeProfiles() []string { return names(nodeProfiles) }

func names(profiles map[string]profile) []string {
	var list []string
	for name := range profiles {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func lookup(profiles map[string]profile, name string) (profile, error) {
	p, found := profiles[name]
	if !found {
		return profile{}, fail(ErrRefused, "", "profile %q is unknown here: use one of %s", name, strings.Join(names(profiles), ", "))
	}
	return p, nil
}

// lack returns the capabilities of the profile that the probe, asked by itself, does
// not hold. What a spec asks for is not always what a process gets.
func (p *Probe) lack() []string {
	profiles := podProfiles
	if p.node {
		profiles = nodeProfiles
	}
	var lack []string
	for _, c := range profiles[p.opts.Profile].capabilities {
		if !slices.Contains(p.Hello.Capabilities, string(c)) {
			lack = append(lack, string(c))
		}
	}
	return lack
}

// securityContext is the least that the profile needs.
func (p profile) securityContext() *corev1.SecurityContext {
	user, nonRoot := int64(userID), true
	if p.root {
		user, nonRoot = 0, false
	}
	return &corev1.SecurityContext{
		// A number: kubelet cannot verify a name (kubernetes issue 115671).
		RunAsUser:                &user,
		RunAsGroup:               &user,
		RunAsNonRoot:             &nonRoot,
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Privileged:               new(false),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: p.capabilities},
	}
}

func arguments(o Options) []string {
	return []string{"--lifetime=" + o.Lifetime.String(), "--max-idle=" + max(maxIdle, o.KeepAlive).String()}
}

// EphemeralContainer is the probe for a pod, without a name. It holds what the API
// allows for ephemeral containers: no ports, resources, probes or lifecycle.
func EphemeralContainer(pod *corev1.Pod, o Options, build string) (*corev1.EphemeralContainer, error) {
	p, err := lookup(podProfiles, o.Profile)
	if err != nil {
		return nil, err
	}
	c := &corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Image:                    o.Image,
		ImagePullPolicy:          corev1.PullPolicy(o.PullPolicy),
		Args:                     arguments(o),
		Stdin:                    true, // and not StdinOnce: each run attaches anew
		VolumeMounts:             accountMounts(pod),
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		SecurityContext:          p.securityContext(),
	}}
	c.Env = []corev1.EnvVar{{Name: envBuild, Value: build}, {Name: envSpec, Value: fingerprint(c, build)}}
	return c, nil
}

// fingerprint identifies everything that is asked for in a container. It is compared
// instead of the container itself, since admission may change that: add variables,
// or send the image to a mirror.
func fingerprint(c *corev1.EphemeralContainer, build string) string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // a plain struct of the API
	}
	sum := sha256.Sum256(append(data, build...))
	return hex.EncodeToString(sum[:8])
}

// accountMounts is the mount of the pod's service account, when a container of it
// has one: with it the API server's certificate is verified as the pod itself does.
func accountMounts(pod *corev1.Pod) []corev1.VolumeMount {
	for _, c := range pod.Spec.Containers {
		for _, m := range c.VolumeMounts {
			// Ephemeral containers may not use a subpath.
			if m.MountPath == accountPath && m.SubPath == "" && m.SubPathExpr == "" {
				return []corev1.VolumeMount{{Name: m.Name, MountPath: accountPath, ReadOnly: true}}
			}
		}
	}
	return nil
}

// containerName is unique in its pod with all likelihood; the API server sees to the
// rest.
func containerName(profile string, suffix func(int) string) string {
	return "netlook-" + profile + "-" + suffix(5)
}

// warmContainers returns the ephemeral containers of the pod that are what is wanted:
// those that run, the latest first, and those that have not been reported as running
// or ended. A container that is something else in a way that matters for safety - its
// security context - is not wanted, whatever its environment claims.
func warmContainers(pod *corev1.Pod, wanted *corev1.EphemeralContainer) (running, pending []string) {
	started := map[string]time.Time{}
	for _, c := range pod.Spec.EphemeralContainers {
		if !same(&c, wanted) {
			continue
		}
		switch s, _ := containerStatus(pod, c.Name); {
		case s.State.Running != nil:
			started[c.Name] = s.State.Running.StartedAt.Time
			running = append(running, c.Name)
		case s.State.Terminated == nil:
			pending = append(pending, c.Name)
		}
	}
	slices.SortStableFunc(running, func(a, b string) int { return started[b].Compare(started[a]) })
	return running, pending
}

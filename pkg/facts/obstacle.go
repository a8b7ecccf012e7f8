package facts

import "strings"

// Webhook is an admission webhook that the API server cannot ask. Where its failurePolicy
// is Fail, nothing that it judges can be made or changed meanwhile.
type Webhook struct {
	Name string
	// URL is where the API server looks for it, and Service whose that is; zero for one
	// that is not a service of the cluster.
	URL     string
	Service Ref
	// Why is what came of that, and Doing what was refused.
	Why, Doing string
}

// Kubelet is one that the API server does not reach, or cannot talk to, though it reports to the API server:
// logs, exec, attach and port-forward of the pods on its node fail.
type Kubelet struct {
	Node string
	// Addr is where the API server looks for it, "" when it has not said.
	Addr string
	// Why is what the API server says came of that, "" when nothing but silence was met.
	Why string
	// Pod and Container are those that were asked for.
	Pod       Ref
	Container string
}

// KubeletTrouble is what stands between the API server and a kubelet.
type KubeletTrouble int

// The kinds of trouble, as far as the API server's words tell.
const (
	KubeletSilent    KubeletTrouble = iota // nothing comes through
	KubeletRefused                         // nobody listens, or something on the way refuses
	KubeletUntrusted                       // it is reached, and there is no TLS with it
	KubeletTunnel                          // it is to be reached through a tunnel, which is down
)

// Trouble reads Why.
func (k Kubelet) Trouble() KubeletTrouble {
	switch {
	case strings.Contains(k.Why, "connection refused"):
		return KubeletRefused
	case strings.Contains(k.Why, "tls:"), strings.Contains(k.Why, "x509:"):
		return KubeletUntrusted
	case strings.Contains(strings.ToLower(k.Why), "agent"), strings.Contains(k.Why, "proxy"): // of konnectivity
		return KubeletTunnel
	}
	return KubeletSilent
}

package facts

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

// Kubelet is one that the API server does not reach, though it reports to the API server:
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

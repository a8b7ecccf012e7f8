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

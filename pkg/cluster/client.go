// Package cluster reads the Kubernetes API and turns what it says into facts. Next
// to pkg/inject it is the only package that talks to the API; it never changes an
// object there.
//
// Its errors are one line for people, with the next step in it; their kind is told
// by errors.Is and the sentinels of this package. Whatever the API returns is
// parsed, bounded and stripped of control characters before it becomes a fact.
package cluster

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// defaultTimeout bounds one read when the user gave no --request-timeout. It is
// long enough for an exec credential plugin and short enough for a person who
// waits for "no cluster at all".
const defaultTimeout = 10 * time.Second

// defaultServer is where client-go looks when no kubeconfig says otherwise.
const defaultServer = "http://localhost:8080"

// Client reads the API of one cluster. It is safe for concurrent use.
type Client struct {
	clientset kubernetes.Interface
	config    *rest.Config
	namespace string
	timeout   time.Duration // of one request
	// dynamic makes the client for APIs of custom resources, which few runs need.
	dynamic func() (dynamic.Interface, error)
	// clock is the cluster's.
	clock *clock
	// answered: the API server has answered before, so that it is worth waiting for.
	answered atomic.Bool
}

// New makes a Client of kubectl's flags. It sends nothing. Errors are of kind
// ErrConfig.
func New(getter genericclioptions.RESTClientGetter) (*Client, error) {
	loader := getter.ToRawKubeConfigLoader()
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, explainConfig(loader, err)
	}
	if noKubeconfig(loader, config) {
		return nil, explainConfig(loader, clientcmd.ErrEmptyConfig)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, explainConfig(loader, err)
	}
	config = rest.CopyConfig(config)
	// A run sends a few dozen reads at once; client-go's own limit of 5 a second
	// would make most of its duration a wait.
	config.QPS, config.Burst = 50, 200
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	clock := &clock{now: time.Now}
	reading := withoutTimeout(config)
	reading.Wrap(clock.listen)
	clientset, err := kubernetes.NewForConfig(reading)
	if err != nil {
		return nil, explainConfig(loader, err)
	}
	c := NewFor(clientset, config, namespace)
	c.clock = clock
	return c, nil
}

// NewFor makes a Client of parts: a fake clientset in tests, another program's own.
// The request timeout is config's, when it has one.
func NewFor(clientset kubernetes.Interface, config *rest.Config, namespace string) *Client {
	timeout := config.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	c := &Client{clientset: clientset, config: withoutTimeout(config), namespace: namespace, timeout: timeout, clock: &clock{now: time.Now}}
	c.dynamic = func() (dynamic.Interface, error) { return dynamic.NewForConfig(c.config) }
	return c
}

// withoutTimeout copies config without its timeout: as the HTTP client's it would
// cut watches and attaches too. Each read is bounded by its context instead.
func withoutTimeout(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Timeout = 0
	return config
}

// noKubeconfig reports whether nothing at all was configured, in which case
// client-go falls back to a server that nobody asked for.
func noKubeconfig(loader clientcmd.ClientConfig, config *rest.Config) bool {
	raw, err := loader.RawConfig()
	return err == nil && len(raw.Clusters) == 0 && config.Host == defaultServer && os.Getenv("KUBERNETES_MASTER") == ""
}

// Clientset is the client for those who may do more than read (pkg/inject). It has
// no timeout of its own.
func (c *Client) Clientset() kubernetes.Interface { return c.clientset }

// RESTConfig is the configuration for attach. It has no timeout of its own.
func (c *Client) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Namespace is the one that --namespace or the context chose.
func (c *Client) Namespace() string { return c.namespace }

// String names the cluster for people by its server, without credentials.
func (c *Client) String() string { return fmt.Sprintf("API server %s", c.server()) }

package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// CallCount is how often one kind of call was made.
type CallCount struct {
	Verb, Resource string
	Calls          int
	ReadBytes      int64 // of the bodies of answers
}

// Traffic is all that passed the proxy.
type Traffic struct {
	Calls     int
	ReadBytes int64
	Kinds     []CallCount // sorted by resource and verb
}

// Proxy stands between a client and the API server on this machine's loopback, with the
// rights of the kubeconfig it was made of, and counts what passes.
type Proxy struct {
	// URL is where it listens.
	URL    string
	server *http.Server

	mu    sync.Mutex
	kinds map[[2]string]*CallCount
}

// NewProxy starts a proxy in front of the API server that config names.
func NewProxy(config *rest.Config) (*Proxy, error) {
	// Compression is the client's to ask for: bytes are counted as they are sent.
	config = rest.CopyConfig(config)
	config.DisableCompression = true
	// Upgrades, as attach needs one, are of HTTP/1.1 only.
	config.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("address of the API server: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{URL: "http://" + listener.Addr().String(), kinds: map[[2]string]*CallCount{}}
	forward := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:      transport,
		FlushInterval:  -1, // watches
		ModifyResponse: p.count,
	}
	p.server = &http.Server{Handler: forward, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // nothing but Close ends it
		}
	}()
	return p, nil
}

// Close stops the proxy.
func (p *Proxy) Close() error { return p.server.Close() }

// Reset forgets what was counted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kinds = map[[2]string]*CallCount{}
}

// Traffic is what was counted since the start or the last Reset.
func (p *Proxy) Traffic() Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	var t Traffic
	for _, kind := range p.kinds {
		t.Calls += kind.Calls
		t.ReadBytes += kind.ReadBytes
		t.Kinds = append(t.Kinds, *kind)
	}
	slices.SortFunc(t.Kinds, func(a, b CallCount) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Verb, b.Verb))
	})
	return t
}

func (p *Proxy) count(answer *http.Response) error {
	verb, resource := Classify(answer.Request.Method, answer.Request.URL)
	key := [2]string{resource, verb}
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := p.kinds[key]
	if kind == nil {
		kind = &CallCount{Verb: verb, Resource: resource}
		p.kinds[key] = kind
	}
	kind.Calls++
	if answer.StatusCode != http.StatusSwitchingProtocols { // its body is a stream both ways
		answer.Body = &counter{answer.Body, func(n int) {
			p.mu.Lock()
			defer p.mu.Unlock()
			kind.ReadBytes += int64(n)
		}}
	}
	return nil
}

type counter struct {
	io.ReadCloser
	add func(n int)
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.add(n)
	return n, err
}

// Classify names the verb and the resource of a call to the API server, as RBAC calls
// them: https://kubernetes.io/docs/reference/access-authn-authz/authorization. What is no
// resource keeps its path.
func Classify(method string, u *url.URL) (verb, resource string) {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	var rest []string
	switch {
	case len(parts) > 2 && parts[0] == "api":
		rest = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		rest = parts[3:]
	default:
		return strings.ToLower(method), u.Path
	}
	if len(rest) > 2 && rest[0] == "namespaces" {
		rest = rest[2:]
	}
	resource = rest[0]
	named := len(rest) > 1
	if len(rest) > 2 {
		resource += "/" + rest[2]
	}
	switch method {
	case http.MethodGet:
		switch query := u.Query(); {
		case query.Get("watch") == "true" || query.Get("watch") == "1":
			verb = "watch"
		case named:
			verb = "get"
		default:
			verb = "list"
		}
	case http.MethodPost:
		verb = "create"
	case http.MethodPut:
		verb = "update"
	default:
		verb = strings.ToLower(method)
	}
	return verb, resource
}

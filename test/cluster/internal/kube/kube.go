// Package kube asks the API server the few things that bringing a cluster up must
// know. A whole client library for five reads would treble the program; changes go
// through the cluster's own kubectl. Standard library only, beside pki's files.
package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
)

// requestTimeout bounds one read; on the busiest of machines one takes a second.
const requestTimeout = 5 * time.Second

// ErrNotFound is the API server's 404.
var ErrNotFound = errors.New("not found")

// Client reads as the cluster's administrator.
type Client struct {
	server string
	http   *http.Client
}

// New makes a client of the server (an https URL) with the certificates in folder.
func New(server, folder string) (*Client, error) {
	authority, err := os.ReadFile(pki.CertFile(folder, pki.ClusterCA))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	certificate, err := tls.LoadX509KeyPair(pki.CertFile(folder, pki.Admin), pki.KeyFile(folder, pki.Admin))
	if err != nil {
		return nil, err
	}
	return &Client{server: server, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{ // no proxy: the cluster is on this machine
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		},
	}}, nil
}

// Get reads a path.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("read %s: %w", path, ErrNotFound)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("read %s: %s: %s", path, response.Status, firstLine(body))
	}
	return body, nil
}

func (c *Client) decode(ctx context.Context, path string, into any) error {
	body, err := c.Get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line
}

// ServerReady returns nil when the API server says that it is ready.
func (c *Client) ServerReady(ctx context.Context) error {
	_, err := c.Get(ctx, "/readyz")
	return err
}

type condition struct {
	Type   string `json:"type"`
	Status string `json:"status"`
}

func isTrue(conditions []condition, kind string) bool {
	for _, condition := range conditions {
		if condition.Type == kind {
			return condition.Status == "True"
		}
	}
	return false
}

// NodesReady tells of each node whether it is ready.
func (c *Client) NodesReady(ctx context.Context) (map[string]bool, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string } `json:"metadata"`
			Status   struct {
				Conditions []condition `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := c.decode(ctx, "/api/v1/nodes", &list); err != nil {
		return nil, err
	}
	ready := map[string]bool{}
	for _, item := range list.Items {
		ready[item.Metadata.Name] = isTrue(item.Status.Conditions, "Ready")
	}
	return ready, nil
}

// DNSReady returns nil when every replica of CoreDNS is available.
func (c *Client) DNSReady(ctx context.Context) error {
	var deployment struct {
		Spec   struct{ Replicas int } `json:"spec"`
		Status struct {
			AvailableReplicas int `json:"availableReplicas"`
		} `json:"status"`
	}
	if err := c.decode(ctx, "/apis/apps/v1/namespaces/kube-system/deployments/coredns", &deployment); err != nil {
		return err
	}
	if deployment.Status.AvailableReplicas < deployment.Spec.Replicas {
		return fmt.Errorf("CoreDNS: %d of %d replicas are available", deployment.Status.AvailableReplicas, deployment.Spec.Replicas)
	}
	return nil
}

// Pod is where a pod runs.
type Pod struct {
	Node        string
	UID         string // as in the names of its control groups
	HostNetwork bool
	Phase       string
}

// configHash names a static pod's files and control groups: its mirror in the API
// has a UID of its own.
const configHash = "kubernetes.io/config.hash"

// Pod looks a pod up.
func (c *Client) Pod(ctx context.Context, namespace, name string) (Pod, error) {
	var pod struct {
		Metadata struct {
			UID         string            `json:"uid"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			NodeName    string `json:"nodeName"`
			HostNetwork bool   `json:"hostNetwork"`
		} `json:"spec"`
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
	if err := c.decode(ctx, "/api/v1/namespaces/"+namespace+"/pods/"+name, &pod); err != nil {
		return Pod{}, err
	}
	uid := pod.Metadata.UID
	if hash := pod.Metadata.Annotations[configHash]; hash != "" {
		uid = hash
	}
	return Pod{Node: pod.Spec.NodeName, UID: uid, HostNetwork: pod.Spec.HostNetwork, Phase: pod.Status.Phase}, nil
}

// Package manifests holds the objects that every cluster begins with: the rights of
// its components, and CoreDNS. It is pure.
package manifests

import (
	"bytes"
	_ "embed" // for the manifests below
	"fmt"
	"text/template"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/build"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

//go:embed components.yaml
var components string

//go:embed coredns.yaml
var coredns string

// Render gives everything as one YAML stream.
func Render(options topology.Options) ([]byte, error) {
	parsed, err := template.New("manifests").Option("missingkey=error").Parse(components + "---\n" + coredns)
	if err != nil {
		return nil, fmt.Errorf("read the manifests: %w", err)
	}
	var rendered bytes.Buffer
	err = parsed.Execute(&rendered, map[string]any{
		"FlannelUser":       pki.FlannelUser,
		"CiliumUser":        pki.CiliumUser,
		"Cilium":            options.CNI == topology.Cilium,
		"KubeletClientUser": pki.KubeletClientUser,
		"CoreDNSImage":      build.CoreDNSImage,
		"DNSServiceIP":      topology.DNSServiceIP,
		"Domain":            topology.Domain,
		"Dual":              options.Dual(),
	})
	if err != nil {
		return nil, fmt.Errorf("render the manifests: %w", err)
	}
	return rendered.Bytes(), nil
}

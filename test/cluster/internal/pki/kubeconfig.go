package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/yaml"
)

// Kubeconfig renders a client configuration that carries everything in itself, so
// that the file can be copied and used from any mount namespace.
func Kubeconfig(server string, ca, user Pair) ([]byte, error) {
	key, err := user.KeyPEM()
	if err != nil {
		return nil, err
	}
	name := user.Certificate.Subject.CommonName
	const cluster = "netlook"
	return yaml.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []any{map[string]any{"name": cluster, "cluster": map[string]any{
			"server":                     server,
			"certificate-authority-data": ca.CertificatePEM(), // bytes are written as base64
		}}},
		"users": []any{map[string]any{"name": name, "user": map[string]any{
			"client-certificate-data": user.CertificatePEM(),
			"client-key-data":         key,
		}}},
		"contexts": []any{map[string]any{"name": cluster, "context": map[string]any{
			"cluster": cluster, "user": name,
		}}},
		"current-context": cluster,
	})
}

// WriteKubeconfig writes the configuration of the user whose certificate is name
// in folder. Only the owner may read it: it holds a key.
func WriteKubeconfig(file, folder, name, server string) error {
	ca, err := Read(folder, ClusterCA)
	if err != nil {
		return err
	}
	user, err := Read(folder, name)
	if err != nil {
		return err
	}
	return writeKubeconfig(file, server, ca, user)
}

func writeKubeconfig(file, server string, ca, user Pair) error {
	content, err := Kubeconfig(server, ca, user)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// WriteUser issues a certificate with the cluster's authority in folder and writes
// the configuration that carries it.
func WriteUser(file, folder, server string, request Request, now time.Time) error {
	ca, err := Read(folder, ClusterCA)
	if err != nil {
		return err
	}
	user, err := ca.Issue(request, now)
	if err != nil {
		return err
	}
	return writeKubeconfig(file, server, ca, user)
}

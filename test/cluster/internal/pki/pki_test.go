package pki_test

import (
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/pki"
	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// cluster writes the keys of a dual-stack cluster and returns their folder.
func cluster(t *testing.T) string {
	t.Helper()
	options := topology.Defaults()
	options.IPFamily = "dual"
	folder := filepath.Join(t.TempDir(), "pki")
	if err := pki.WriteCluster(folder, options, time.Now()); err != nil {
		t.Fatal(err)
	}
	return folder
}

func read(t *testing.T, folder, name string) pki.Pair {
	t.Helper()
	pair, err := pki.Read(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func verify(ca, leaf pki.Pair, usage x509.ExtKeyUsage, name string) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	_, err := leaf.Certificate.Verify(x509.VerifyOptions{
		Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

func TestClientIdentities(t *testing.T) {
	folder := cluster(t)
	ca, etcd := read(t, folder, pki.ClusterCA), read(t, folder, pki.EtcdCA)
	for _, test := range []struct {
		name, user string
		groups     []string
	}{
		{pki.Admin, "admin", []string{"system:masters"}},
		{pki.Controllers, "system:kube-controller-manager", nil},
		{pki.Scheduler, "system:kube-scheduler", nil},
		{pki.Proxy, "system:kube-proxy", nil},
		{pki.Flannel, pki.FlannelUser, nil},
		{pki.KubeletClient, pki.KubeletClientUser, nil},
		{pki.Kubelet("w1"), "system:node:w1", []string{"system:nodes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pair := read(t, folder, test.name)
			if got := pair.Certificate.Subject.CommonName; got != test.user {
				t.Errorf("user %q, want %q", got, test.user)
			}
			if diff := cmp.Diff(test.groups, pair.Certificate.Subject.Organization); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			if err := verify(ca, pair, x509.ExtKeyUsageClientAuth, ""); err != nil {
				t.Errorf("not a client of the cluster: %v", err)
			}
			if verify(ca, pair, x509.ExtKeyUsageServerAuth, "") == nil {
				t.Error("a client's certificate may serve")
			}
			if verify(etcd, pair, x509.ExtKeyUsageClientAuth, "") == nil {
				t.Error("a client of the API opens etcd")
			}
		})
	}
}

func TestServers(t *testing.T) {
	folder := cluster(t)
	for _, test := range []struct {
		certificate, authority string
		names                  []string
	}{
		{pki.APIServer, pki.ClusterCA, []string{
			"10.96.0.1", "127.0.0.1", "172.30.0.10", "fd00:172:30::10",
			"kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{pki.KubeletServer("w2"), pki.ClusterCA, []string{"w2", "172.30.0.12", "fd00:172:30::12"}},
		{pki.EtcdServer, pki.EtcdCA, []string{"127.0.0.1"}},
	} {
		pair, ca := read(t, folder, test.certificate), read(t, folder, test.authority)
		for _, name := range test.names {
			host := name
			if address, err := netip.ParseAddr(name); err == nil && address.Is6() {
				host = "[" + name + "]"
			}
			if err := verify(ca, pair, x509.ExtKeyUsageServerAuth, host); err != nil {
				t.Errorf("%s for %s: %v", test.certificate, name, err)
			}
		}
	}
}

func TestKeysAreForTheOwner(t *testing.T) {
	folder := cluster(t)
	keys, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil || len(keys) == 0 {
		t.Fatalf("keys %v, error %v", keys, err)
	}
	for _, key := range keys {
		info, err := os.Stat(key)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", key, info.Mode())
		}
	}
}

func TestWriteUser(t *testing.T) {
	folder := cluster(t)
	file := filepath.Join(t.TempDir(), "users", "jane.kubeconfig")
	request := pki.Request{User: "jane", Groups: []string{"devs"}, Client: true}
	if err := pki.WriteUser(file, folder, "https://172.30.0.10:6443", request, time.Now()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server   string `json:"server"`
				CA       string `json:"certificate-authority-data"`
				Insecure bool   `json:"insecure-skip-tls-verify"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Certificate string `json:"client-certificate-data"`
				Token       string `json:"token"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	cluster, user := config.Clusters[0].Cluster, config.Users[0].User
	if cluster.Server != "https://172.30.0.10:6443" || cluster.Insecure || user.Token != "" {
		t.Errorf("cluster %+v, token %q", cluster, user.Token)
	}
	for what, encoded := range map[string]string{"authority": cluster.CA, "certificate": user.Certificate} {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err != nil || len(decoded) == 0 {
			t.Errorf("%s: %d bytes, error %v", what, len(decoded), err)
		}
	}
}

func TestReadRefusesGarbage(t *testing.T) {
	folder := t.TempDir()
	for _, file := range []string{pki.CertFile(folder, "x"), pki.KeyFile(folder, "x")} {
		if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pki.Read(folder, "x"); err == nil {
		t.Error("no error")
	}
}

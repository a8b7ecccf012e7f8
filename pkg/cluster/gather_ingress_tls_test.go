package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

var (
	longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	oneYear = 365 * 24 * time.Hour
)

// tlsSecret is a secret with a certificate for names, valid for a year from start.
func tlsSecret(t *testing.T, name string, start time.Time, names ...string) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: start, NotAfter: start.Add(oneYear), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: objectMeta("shop", name), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}}
}

func TestGatherIngressTLS(t *testing.T) {
	good, other := tlsSecret(t, "good", longAgo, "one.example"), tlsSecret(t, "other", longAgo, "*.other.example")
	noKey, noCert, strange, garbled := tlsSecret(t, "no-key", longAgo, "x"), tlsSecret(t, "no-cert", longAgo, "x"), tlsSecret(t, "strange", longAgo, "one.example"), tlsSecret(t, "garbled", longAgo, "x")
	delete(noKey.Data, corev1.TLSPrivateKeyKey)
	delete(noCert.Data, corev1.TLSCertKey)
	strange.Data[corev1.TLSPrivateKeyKey] = good.Data[corev1.TLSPrivateKeyKey]
	garbled.Data[corev1.TLSCertKey] = []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	until := longAgo.Add(oneYear)
	backend := networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}
	for _, tt := range []struct {
		name string
		tls  []networkingv1.IngressTLS
		want *facts.IngressTLS
	}{
		{"no TLS", nil, nil},
		{"another host's", []networkingv1.IngressTLS{{Hosts: []string{"two.example"}, SecretName: "good"}}, nil},
		{"good", []networkingv1.IngressTLS{{Hosts: []string{"ONE.example"}, SecretName: "good"}},
			&facts.IngressTLS{Secret: "good", Names: []string{"one.example"}, Covers: true, NotBefore: longAgo, NotAfter: until}},
		{"the entry that fits best", []networkingv1.IngressTLS{{SecretName: "gone"}, {Hosts: []string{"one.example"}, SecretName: "good"}, {Hosts: []string{"*.example"}, SecretName: "gone"}},
			&facts.IngressTLS{Secret: "good", Names: []string{"one.example"}, Covers: true, NotBefore: longAgo, NotAfter: until}},
		{"another name", []networkingv1.IngressTLS{{Hosts: []string{"*.example"}, SecretName: "other"}},
			&facts.IngressTLS{Secret: "other", Names: []string{"*.other.example"}, NotBefore: longAgo, NotAfter: until}},
		{"missing", []networkingv1.IngressTLS{{SecretName: "gone"}}, &facts.IngressTLS{Secret: "gone", Missing: true}},
		{"the controller's", []networkingv1.IngressTLS{{Hosts: []string{"one.example"}}}, &facts.IngressTLS{}},
		{"no key", []networkingv1.IngressTLS{{SecretName: "no-key"}}, &facts.IngressTLS{Secret: "no-key", Broken: "it has no tls.key (its type is kubernetes.io/tls)"}},
		{"no certificate", []networkingv1.IngressTLS{{SecretName: "no-cert"}}, &facts.IngressTLS{Secret: "no-cert", Broken: "it has no tls.crt (its type is kubernetes.io/tls)"}},
		{"no PEM", []networkingv1.IngressTLS{{SecretName: "garbled"}}, &facts.IngressTLS{Secret: "garbled", Broken: "its tls.crt holds no certificate"}},
		{"a stranger's key", []networkingv1.IngressTLS{{SecretName: "strange"}},
			&facts.IngressTLS{Secret: "strange", Names: []string{"one.example"}, Covers: true, NotBefore: longAgo, NotAfter: until, Broken: "its tls.key is not the key of its certificate, or cannot be read"}},
		{"no right", []networkingv1.IngressTLS{{SecretName: "denied"}}, &facts.IngressTLS{Secret: "denied", Forbidden: true, Unread: `secrets "denied" is forbidden: no`}},
		{"no answer", []networkingv1.IngressTLS{{SecretName: "slow"}}, &facts.IngressTLS{Secret: "slow", Unread: "get secret shop/slow: etcd is away"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := ingress("one", "nginx", backend)
			one.Spec.TLS = tt.tls
			one.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.80"}, {Hostname: "lb.exam\x1bple"}, {}}
			c, clientset := newFake(append(shop(), one, good, other, noKey, noCert, strange, garbled)...)
			clientset.PrependReactor("get", "secrets", func(a clienttesting.Action) (bool, runtime.Object, error) {
				switch a.(clienttesting.GetAction).GetName() {
				case "denied":
					return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "denied", errors.New("no"))
				case "slow":
					return true, nil, errors.New("etcd is away")
				}
				return false, nil, nil
			})
			f := gather(t, c, Request{Pod: pod("shop", "db-0", "w2", "10.244.2.9"), Targets: targets(t, "svc/web"), Secrets: true})
			rule := f.Services[0].Ingresses[0]
			if diff := cmp.Diff(tt.want, rule.TLS); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := strings.Join(rule.Addresses, "|"); got != "192.0.2.80|lb.exam ple" || !rule.ClassExists {
				t.Errorf("addresses %q, class exists: %v", got, rule.ClassExists)
			}
		})
	}
}

// TestSecretsUnasked: a run of which the service is only a target reads no secret.
func TestSecretsUnasked(t *testing.T) {
	one := ingress("one", "nginx", networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}})
	one.Spec.TLS = []networkingv1.IngressTLS{{SecretName: "good"}}
	c, clientset := newFake(append(shop(), one, tlsSecret(t, "good", longAgo, "one.example"))...)
	_, s := gatherWeb(t, c)
	if diff := cmp.Diff(&facts.IngressTLS{Secret: "good", Unasked: true}, s.Ingresses[0].TLS); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, a := range clientset.Actions() {
		if a.GetResource().Resource == "secrets" {
			t.Errorf("it reads %v", a)
		}
	}
}

func TestCertificateCovers(t *testing.T) {
	leaf := &x509.Certificate{DNSNames: []string{"web.example", "*.shop.example"}}
	for host, want := range map[string]bool{
		"*": true, "web.example": true, "WEB.example": true, "api.shop.example": true, "*.shop.example": true,
		"*.example": false, "shop.example": false, "a.b.shop.example": false, "": false,
	} {
		if covers(leaf, host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestRulePaths(t *testing.T) {
	kind := networkingv1.PathTypeImplementationSpecific
	i := &networkingv1.Ingress{}
	i.Spec.Rules = []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}}
	for path, pattern := range map[string]bool{"": false, "/": false, "/api/v1": false, "/api(/|$)(.*)": true, "/a b": true, "/a?b": true, "no-slash": true} {
		i.Spec.Rules[0].HTTP.Paths = []networkingv1.HTTPIngressPath{{Path: path, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web"}}}}
		if got := rulesTo(i, "web"); len(got) != 1 || got[0].Pattern != pattern || got[0].Path == "" {
			t.Errorf("%q: %+v", path, got)
		}
	}
	i.Spec.Rules[0].HTTP.Paths[0].Path, i.Spec.Rules[0].HTTP.Paths[0].PathType = "/api", &kind
	if got := rulesTo(i, "web"); !got[0].Pattern {
		t.Error("what the controller alone understands is asked for")
	}
}

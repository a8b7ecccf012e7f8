package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	maxSecrets          = 20 // of the Ingresses that lead to one service
	maxCertificateNames = 6  // that are told
)

// secretReader reads the secrets that Ingresses of one namespace name, each once. The
// right to read secrets is a large one, and is not among those that netlook asks for:
// without it the certificate is not known, and the report says so.
type secretReader struct {
	*gatherer
	namespace string
	read      map[string]secretFound
}

// secretFound is what became of a secret; leaf is nil where it is of no use.
type secretFound struct {
	tls  facts.IngressTLS
	leaf *x509.Certificate
}

// forHost is what an Ingress says of encryption for the host of one of its rules, nil
// when none of its entries is for that host.
func (r secretReader) forHost(ctx context.Context, i *networkingv1.Ingress, host string) *facts.IngressTLS {
	name, found := secretFor(i.Spec.TLS, host)
	if !found {
		return nil
	}
	switch {
	case name == "":
		return &facts.IngressTLS{}
	case !r.req.Secrets:
		return &facts.IngressTLS{Secret: plain(name, maxWord), Unasked: true}
	}
	have, known := r.read[name]
	if !known {
		have = r.secret(ctx, name)
		r.read[name] = have
	}
	t := have.tls
	t.Covers = have.leaf != nil && covers(have.leaf, host)
	return &t
}

// secretFor finds the entry for a host: one that names it, else one whose wildcard fits,
// else one for all hosts.
func secretFor(entries []networkingv1.IngressTLS, host string) (secret string, found bool) {
	best := 0
	for _, e := range entries {
		fit := 0
		if len(e.Hosts) == 0 {
			fit = 1
		}
		for _, h := range e.Hosts {
			switch {
			case strings.EqualFold(h, host):
				fit = 3
			case fit < 2 && wildcardFits(h, host):
				fit = 2
			}
		}
		if fit > best {
			best, secret = fit, e.SecretName
		}
	}
	return secret, best > 0
}

// wildcardFits reports whether "*.example" is said of "web.example": of one label, as the
// API documents it.
func wildcardFits(pattern, host string) bool {
	suffix, wild := strings.CutPrefix(strings.ToLower(pattern), "*")
	first, rest, dotted := strings.Cut(strings.ToLower(host), ".")
	return wild && dotted && first != "" && first != "*" && "."+rest == suffix
}

func (r secretReader) secret(ctx context.Context, name string) secretFound {
	t := facts.IngressTLS{Secret: plain(name, maxWord)}
	if len(r.read) >= maxSecrets {
		t.Unread = fmt.Sprintf("only the first %d secrets are looked at", maxSecrets)
		return secretFound{tls: t}
	}
	secret, err := get(ctx, r.Client, fmt.Sprintf("get secret %s/%s", r.namespace, name), func(ctx context.Context) (*corev1.Secret, error) {
		return r.clientset.CoreV1().Secrets(r.namespace).Get(ctx, name, metav1.GetOptions{})
	})
	switch {
	case errors.Is(err, ErrNotFound):
		t.Missing = true
		return secretFound{tls: t}
	case err != nil:
		t.Unread, t.Forbidden = plain(err.Error(), maxMessage), errors.Is(err, ErrForbidden)
		return secretFound{tls: t}
	}
	leaf, why := certificateOf(secret)
	if leaf == nil {
		t.Broken = why
		return secretFound{tls: t}
	}
	t.Broken = why
	t.NotBefore, t.NotAfter, t.Names = leaf.NotBefore, leaf.NotAfter, namesOf(leaf)
	return secretFound{tls: t, leaf: leaf}
}

// certificateOf reads the certificate that a server shows, and why it cannot be used, ""
// when it can. What the key's errors say is left out: they may quote it.
func certificateOf(s *corev1.Secret) (leaf *x509.Certificate, broken string) {
	chain, key := s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey]
	switch {
	case len(chain) == 0:
		return nil, fmt.Sprintf("it has no %s (its type is %s)", corev1.TLSCertKey, plain(string(s.Type), maxWord))
	case len(key) == 0:
		return nil, fmt.Sprintf("it has no %s (its type is %s)", corev1.TLSPrivateKeyKey, plain(string(s.Type), maxWord))
	}
	leaf = firstCertificate(chain)
	if leaf == nil {
		return nil, fmt.Sprintf("its %s holds no certificate", corev1.TLSCertKey)
	}
	if _, err := tls.X509KeyPair(chain, key); err != nil {
		return leaf, fmt.Sprintf("its %s is not the key of its certificate, or cannot be read", corev1.TLSPrivateKeyKey)
	}
	return leaf, ""
}

// firstCertificate is the first of a PEM file, that which a server shows as its own.
func firstCertificate(text []byte) *x509.Certificate {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		return c
	}
}

// covers reports whether a certificate is for a host of a rule: "*" is any, and
// "*.example" needs a wildcard in the certificate too.
func covers(leaf *x509.Certificate, host string) bool {
	if host == "*" {
		return true
	}
	if suffix, wild := strings.CutPrefix(host, "*."); wild {
		return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, "*."+suffix) })
	}
	return leaf.VerifyHostname(host) == nil
}

func namesOf(leaf *x509.Certificate) []string {
	var names []string
	for _, name := range leaf.DNSNames {
		names = append(names, plain(name, maxWord))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if more := len(names) - maxCertificateNames; more > 0 {
		names = append(names[:maxCertificateNames], fmt.Sprintf("and %d more", more))
	}
	return names
}

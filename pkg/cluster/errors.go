package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The kinds of error, for errors.Is.
var (
	// ErrConfig: no kubeconfig, an unknown context, or one that cannot be used.
	ErrConfig = errors.New("kubeconfig")
	// ErrUnreachable: no API server answers there.
	ErrUnreachable = errors.New("API server unreachable")
	// ErrUnauthorized: the API server does not know who is asking.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the user may not read that.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: the object, or its namespace, does not exist.
	ErrNotFound = errors.New("not found")
	// ErrVantage: the object exists, but nothing can be run in it as it is.
	ErrVantage = errors.New("unusable as a vantage point")
	// ErrSilent: a node whose kubelet does not report, of ErrVantage.
	ErrSilent = errors.New("kubelet does not report")
	// ErrTarget: a target that exists has no such port, or no pod.
	ErrTarget = errors.New("unusable as a target")
)

// problem is an error whose text is for people and stands alone; its kind and its
// cause are for errors.Is and errors.As only.
type problem struct {
	text  string
	kind  error
	cause error
}

func (p *problem) Error() string { return p.text }

func (p *problem) Unwrap() []error {
	if p.cause == nil {
		return []error{p.kind}
	}
	return []error{p.kind, p.cause}
}

func problemf(kind error, format string, args ...any) error {
	return &problem{text: fmt.Sprintf(format, args...), kind: kind}
}

// denial is what a 403 of the API says, as far as it can be read.
type denial struct {
	user, verb, resource, where string
	cause                       error
}

func (d *denial) Error() string {
	if d.verb == "" {
		return plain(d.cause.Error(), maxMessage)
	}
	return fmt.Sprintf("user %q may not %s %s %s", d.user, d.verb, d.resource, d.where)
}

func (d *denial) Unwrap() []error { return []error{ErrForbidden, d.cause} }

// deniedText matches the message of the API server's authorizer filter; there is no
// field that holds the user.
// Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go.
var deniedText = regexp.MustCompile(
	`User "([^"]*)" cannot (\w+) resource "([^"]*)" in API group "[^"]*" (?:in the namespace "([^"]*)"|at the cluster scope)`)

func readDenial(err error) *denial {
	d := &denial{cause: err}
	if m := deniedText.FindStringSubmatch(plain(err.Error(), 4*maxMessage)); m != nil {
		d.user, d.verb, d.resource, d.where = m[1], m[2], m[3], "at the cluster scope"
		if m[4] != "" {
			d.where = fmt.Sprintf("in namespace %q", m[4])
		}
	}
	return d
}

// explain turns the error of a request into one for people. doing says what was
// tried ("get pod shop/web-0"). When the caller's own context has ended the error
// says just that: it is then nobody's fault.
func (c *Client) explain(ctx context.Context, doing string, err error) error {
	var status apierrors.APIStatus
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case apierrors.IsForbidden(err):
		return readDenial(err)
	case apierrors.IsUnauthorized(err):
		return &problem{kind: ErrUnauthorized, cause: err, text: fmt.Sprintf(
			"the API server at %s does not accept these credentials (401): log in again, or choose another --context or --user", c.server())}
	case notKubernetes(err):
		return &problem{kind: ErrUnreachable, cause: err, text: fmt.Sprintf(
			"%s answers, but not as a Kubernetes API server: check the server of this context (kubectl config view --minify)", c.server())}
	case apierrors.IsNotFound(err):
		return &problem{kind: ErrNotFound, cause: err, text: doing + ": not found"}
	case errors.As(err, &status):
		return fmt.Errorf("%s: %w", doing, &problem{kind: err, text: plain(err.Error(), maxMessage)})
	}
	return c.explainNetwork(doing, err)
}

// notKubernetes recognises the 404 (or anything else) of a server that speaks HTTP
// but is no API server.
func notKubernetes(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// explainNetwork explains a request that got no answer from the API.
func (c *Client) explainNetwork(doing string, err error) error {
	unreachable := func(why string) error {
		return &problem{kind: ErrUnreachable, cause: err, text: fmt.Sprintf(
			"no answer from the API server at %s: %s; check the cluster and the context (kubectl config current-context)", c.server(), why)}
	}
	var (
		dns       *net.DNSError
		timeout   net.Error
		authority x509.UnknownAuthorityError
		wrongHost x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable("connection refused")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return unreachable("no route to that host from here")
	case errors.Is(err, syscall.ECONNRESET):
		return unreachable("connection reset")
	case errors.As(err, &dns):
		return unreachable(fmt.Sprintf("the name %q cannot be resolved", plain(dns.Name, maxWord)))
	case errors.As(err, &authority), errors.As(err, &wrongHost), errors.As(err, &invalid), errors.As(err, &verify):
		return unreachable("its certificate is not accepted: " + rootText(err))
	case errors.As(err, &record):
		return unreachable("it does not speak TLS (http instead of https?)")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return unreachable(fmt.Sprintf("timeout after %s (--request-timeout)", c.timeout))
	case strings.Contains(err.Error(), "getting credentials"):
		// client-go has no type for a credential plugin that failed.
		return &problem{kind: ErrUnauthorized, cause: err, text: fmt.Sprintf(
			"the credential plugin of this context failed: %s", plain(rootText(err), maxMessage))}
	}
	var request *url.Error
	if errors.As(err, &request) {
		return unreachable(plain(rootText(err), maxMessage))
	}
	return fmt.Errorf("%s: %w", doing, &problem{kind: err, text: plain(err.Error(), maxMessage)})
}

// rootText is err's text without the "Get https://...:" that net/http puts before it.
func rootText(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	text, _, _ := strings.Cut(err.Error(), "\n") // plugins add paragraphs of advice
	return plain(text, maxMessage)
}

// server is the API server's URL without user, password, path and query.
func (c *Client) server() string {
	host := c.config.Host
	if !strings.Contains(host, "://") {
		host = "https://" + host // as client-go takes it
	}
	u, err := url.Parse(host)
	if err != nil || u.Host == "" {
		return "(unknown)"
	}
	return plain(u.Scheme+"://"+u.Host, maxWord)
}

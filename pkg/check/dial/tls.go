package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Trust says how a server's certificate is judged.
type Trust struct {
	// Roots are the authorities to trust; nil when there are none, and Why says so.
	Roots *x509.CertPool
	Why   string
	// Names are the names or addresses of which the certificate must have one.
	Names []string
	// Lenient makes an unknown issuer evidence instead of a failure: the probe does
	// not have the trust store of the application.
	Lenient bool
}

// handshake does a TLS handshake without judging the certificate, so that an
// unaccepted one is told from an unreachable server; judge looks at it afterwards. The
// protocols are offered by ALPN (RFC 7301).
func handshake(ctx context.Context, s *session, serverName string, protocols ...string) (*tls.Conn, error) {
	if _, err := netip.ParseAddr(serverName); err == nil {
		serverName = "" // RFC 6066, section 3: addresses are not permitted there
	}
	conn := tls.Client(s.Conn, &tls.Config{
		ServerName: serverName,
		NextProtos: protocols,
		// Verified by judge, which can say what is wrong; nothing secret is sent.
		InsecureSkipVerify: true, //nolint:gosec // see above
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.wantsCertificate = true
			return new(tls.Certificate), nil // none: RFC 8446, section 4.4.2
		},
	})
	// The session ends what takes too long, or is cancelled. crypto/tls would close the
	// connection, which can then not be asked what it has lost.
	err := conn.HandshakeContext(context.WithoutCancel(ctx))
	var alien tls.RecordHeaderError
	switch {
	case err == nil:
		return conn, nil
	case errors.As(err, &alien):
		return nil, problemf(check.Protocol, "answers %q instead of TLS", Clean(string(alien.RecordHeader[:]), 20))
	case errors.Is(err, context.Canceled):
		return nil, err
	}
	if kind := KindOf(err, nowhere); kind != "" && kind != check.TLS {
		return nil, err
	}
	// What is left are alerts and messages that do not fit: of TLS, good or bad.
	return nil, problemf(check.TLS, "%s", Clean(err.Error(), 160))
}

// withoutCertificate says of an error that ended a connection what it is where the server
// had asked for a certificate: over TLS 1.2 an alert in the handshake, over TLS 1.3 one
// behind it. The application may have a certificate that the probe has not, so it is no
// more than a warning. Many servers ask for one and do without: an end without a word
// stays what it is, and says that it may be this.
func (s *session) withoutCertificate(err error) error {
	kind := KindOf(err, nowhere)
	if !s.wantsCertificate || kind != check.TLS && kind != check.Reset && kind != check.Closed {
		return err
	}
	how := reason(err)
	if p, ok := errors.AsType[*problem](err); ok {
		how = p.detail
	}
	if kind != check.TLS {
		return problemf(kind, "%s; the server had asked for a certificate of its clients", how)
	}
	p := problemf(check.TLS, "%s (%s)", WantsCertificate, how)
	p.soft = true
	return p
}

// lastWord is the alert of a server that hung up while it was still written to, or the
// error itself.
func lastWord(conn net.Conn, err error) error {
	kind := KindOf(err, nowhere)
	if _, ok := conn.(*tls.Conn); !ok || kind != check.Reset && kind != check.Closed {
		return err
	}
	if _, word := conn.Read(make([]byte, 1)); word != nil && KindOf(word, nowhere) == check.TLS {
		return word
	}
	return err
}

// WantsCertificate begins the detail of an attempt that a server ended which had asked for
// a certificate.
const WantsCertificate = "the server wants a certificate of its clients, and the probe has none"

// askTLS is the dialog of ports whose content nobody promised: a handshake, or an
// alert in its stead, proves that a TLS server answers. An expired certificate is a
// warning there.
func askTLS(ctx context.Context, s *session, t Talk) (string, error) {
	conn, err := handshake(ctx, s, t.Host)
	var p *problem
	if errors.As(err, &p) && p.kind == check.TLS {
		return "TLS, but " + p.detail, nil
	}
	if err != nil {
		return "", err
	}
	state := conn.ConnectionState()
	answer := tls.VersionName(state.Version)
	if len(state.PeerCertificates) == 0 {
		return answer, nil
	}
	leaf := state.PeerCertificates[0]
	if err := inTime(leaf, time.Now()); err != nil {
		err.soft = true
		return answer, err
	}
	return answer + ", certificate until " + leaf.NotAfter.UTC().Format(time.DateOnly), nil
}

// judge says what is wrong with the certificates of a handshake, nil when nothing
// is, and writes what they are into t.
func judge(state tls.ConnectionState, trust Trust, now time.Time, t *Try) error {
	if len(state.PeerCertificates) == 0 {
		return problemf(check.TLS, "the server shows no certificate")
	}
	leaf := state.PeerCertificates[0]
	t.See("certificate", "%s", describe(leaf))
	if err := inTime(leaf, now); err != nil {
		return err
	}
	if !namedAny(leaf, trust.Names) {
		return problemf(check.TLS, "certificate is for %s, not for %s",
			namesOf(leaf), Clean(strings.Join(trust.Names, " or "), 120))
	}
	if trust.Roots == nil {
		t.See("CA", "not verified: %s", trust.Why)
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: trust.Roots, Intermediates: intermediates, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		t.See("CA", "verified")
		return nil
	case errors.As(err, &unknown) && trust.Lenient:
		t.See("CA", "not verified: no root known to the probe signed it")
		return nil
	case errors.As(err, &unknown):
		return problemf(check.TLS, "certificate is signed by %s, not by the CA expected", Clean(leaf.Issuer.String(), 80))
	}
	return problemf(check.TLS, "certificate is not valid: %s", Clean(err.Error(), 160))
}

func inTime(leaf *x509.Certificate, now time.Time) *problem {
	switch {
	case now.After(leaf.NotAfter):
		return problemf(check.TLS, "certificate expired on %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return problemf(check.TLS, "certificate is not valid before %s (or this clock is wrong: %s)",
			leaf.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

func namedAny(leaf *x509.Certificate, names []string) bool {
	for _, name := range names {
		if leaf.VerifyHostname(name) == nil {
			return true
		}
	}
	return len(names) == 0
}

func describe(leaf *x509.Certificate) string {
	return fmt.Sprintf("%s, issued by %s, until %s",
		namesOf(leaf), Clean(leaf.Issuer.String(), 80), leaf.NotAfter.UTC().Format(time.DateOnly))
}

// namesOf lists the first names a certificate is for.
func namesOf(leaf *x509.Certificate) string {
	const enough = 6
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return Clean(leaf.Subject.String(), 80) + " (no alternative name)"
	}
	list := Clean(strings.Join(names[:min(enough, len(names))], ", "), 200)
	if len(names) > enough {
		list += fmt.Sprintf(" and %d more", len(names)-enough)
	}
	return list
}

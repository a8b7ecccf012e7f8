// Package pki makes the keys and certificates of a cluster: one authority for the
// cluster, one for etcd alone (so that a kubelet's certificate opens no database),
// one for what the API server passes on to aggregated API servers, and a client
// certificate for everyone who talks to the API. It is pure but for
// the files it is asked to write, and imports topology and a YAML writer only.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

const (
	lifetime = 365 * 24 * time.Hour
	// skew lets a certificate be used by a clock that is behind this one.
	skew = 5 * time.Minute
)

// Pair is a certificate with its private key.
type Pair struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

// NewAuthority makes a self-signed certificate authority.
func NewAuthority(name string, now time.Time) (Pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	return sign(template, nil, now)
}

// Request says what a certificate is for.
type Request struct {
	User      string   // common name: the user, for the API server
	Groups    []string // organisations: the groups
	Server    bool     // may serve, under Names and Addresses
	Client    bool     // may be presented to a server
	Names     []string
	Addresses []netip.Addr
}

// Issue makes a certificate signed by the authority.
func (p Pair) Issue(request Request, now time.Time) (Pair, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: request.User, Organization: request.Groups},
		KeyUsage: x509.KeyUsageDigitalSignature,
		DNSNames: request.Names,
	}
	for _, address := range request.Addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(address.AsSlice()))
	}
	if request.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if request.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	return sign(template, &p, now)
}

func sign(template *x509.Certificate, ca *Pair, now time.Time) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Pair{}, fmt.Errorf("choose a serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = now.Add(-skew), now.Add(lifetime)
	parent, signer := template, crypto.Signer(key)
	if ca != nil {
		parent, signer = ca.Certificate, ca.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, fmt.Errorf("sign the certificate of %q: %w", template.Subject.CommonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Certificate: certificate, Key: key}, nil
}

// CertificatePEM and KeyPEM give the pair as every component reads it.
func (p Pair) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw})
}

// KeyPEM gives the private key.
func (p Pair) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Write writes name.crt and name.key into folder, the key for the owner only.
func (p Pair) Write(folder, name string) error {
	key, err := p.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.WriteFile(KeyFile(folder, name), key, 0o600); err != nil {
		return fmt.Errorf("write the key of %s: %w", name, err)
	}
	if err := os.WriteFile(CertFile(folder, name), p.CertificatePEM(), 0o644); err != nil {
		return fmt.Errorf("write the certificate of %s: %w", name, err)
	}
	return nil
}

// CertFile is where Write puts a certificate.
func CertFile(folder, name string) string { return filepath.Join(folder, name+".crt") }

// KeyFile is where Write puts a key.
func KeyFile(folder, name string) string { return filepath.Join(folder, name+".key") }

// Read reads what Write wrote.
func Read(folder, name string) (Pair, error) {
	certificate, err := readBlock(CertFile(folder, name))
	if err != nil {
		return Pair{}, err
	}
	key, err := readBlock(KeyFile(folder, name))
	if err != nil {
		return Pair{}, err
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return Pair{}, fmt.Errorf("read the certificate of %s: %w", name, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("read the key of %s: %w", name, err)
	}
	typed, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return Pair{}, fmt.Errorf("read the key of %s: not an ECDSA key", name)
	}
	return Pair{Certificate: parsed, Key: typed}, nil
}

func readBlock(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("read %s: %w", file, errors.New("not a PEM file"))
	}
	return block.Bytes, nil
}

// WriteSigningKey makes the key pair that service account tokens are signed with.
// The API server verifies them with the bare public key, not with a certificate.
func WriteSigningKey(folder, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := Pair{Key: key}.KeyPEM()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, name+".key"), private, 0o600); err != nil {
		return err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	return os.WriteFile(filepath.Join(folder, name+".pub"), encoded, 0o644)
}

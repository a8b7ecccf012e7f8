package checks

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// clusterCA says where a task finds the cluster's CA.
type clusterCA struct {
	File string `json:"caFile,omitempty"`
	Data string `json:"caData,omitempty"` // PEM
}

func clusterCAOf(v facts.Vantage) clusterCA { return clusterCA{File: v.CAFile, Data: v.CAData} }

// add puts the CA's certificates into pool: the vantage point's own file, else what
// the API gave. The error says why there are none.
func (c clusterCA) add(pool *x509.CertPool) error {
	var why error
	if c.File != "" {
		pem, err := readBounded(c.File)
		switch {
		case errors.Is(err, os.ErrNotExist): // as if none were mounted
		case err != nil:
			why = fmt.Errorf("read the cluster's CA: %w", err)
		case pool.AppendCertsFromPEM(pem):
			return nil
		default:
			why = fmt.Errorf("%s holds no certificate", c.File)
		}
	}
	if pool.AppendCertsFromPEM([]byte(c.Data)) {
		return nil
	}
	if why == nil {
		why = fmt.Errorf("the pod mounts no CA of the cluster, and the API gave none")
	}
	return why
}

// pool is a pool of the cluster's CA alone; nil with the reason when there is none.
func (c clusterCA) pool() (pool *x509.CertPool, why string) {
	pool = x509.NewCertPool()
	if err := c.add(pool); err != nil {
		return nil, err.Error()
	}
	return pool, ""
}

// withSystem is a pool of the system's roots and the cluster's CA. The probe's image
// usually has no roots at all: nil then, with the reason.
func (c clusterCA) withSystem() (pool *x509.CertPool, why string) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	_ = c.add(pool) // best effort: an outsider's certificate needs other roots
	if pool.Equal(x509.NewCertPool()) {
		return nil, "the probe has no root certificates"
	}
	return pool, ""
}

package checks

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

// apiSubject is the API server's service, also where it could not be read.
const apiSubject = "service/default/kubernetes"

// apiName is the name that every API server's certificate has.
const apiName = "kubernetes.default.svc"

// apiParams is where an API server is asked, and how it is trusted.
type apiParams struct {
	Addr netip.AddrPort `json:"addr,omitzero"`
	// FromEnv takes the address from the probe's environment instead.
	FromEnv bool      `json:"fromEnv,omitempty"`
	CA      clusterCA `json:"ca"`
}

// apiProbe asks API servers; getenv is the environment of the probe's container.
type apiProbe struct{ getenv func(string) string }

// run asks for /livez without credentials. Any HTTP status below 500 proves that the
// API server is reached; a cluster that does not let strangers read /livez answers
// 401 or 403.
func (probe apiProbe) run(ctx context.Context, t check.Task, p apiParams) check.Result {
	if p.FromEnv {
		addr, ok := probe.fromEnv()
		if !ok {
			return check.Skipf("", "neither the API nor the container's environment tells the API server's address")
		}
		p.Addr = addr
	}
	pool, why := p.CA.pool()
	options := dial.GetOptions{
		Peer: addrPeer(p.Addr),
		URL:  &url.URL{Scheme: "https", Host: p.Addr.String(), Path: "/livez"},
		// Clients in pods ask by the address; others by the name.
		Trust: dial.Trust{Roots: pool, Why: why, Names: []string{p.Addr.Addr().String(), apiName}},
	}
	blame := watchNeighbour(p.Addr.Addr(), t.Timeout.D())
	tries := dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
		try, answer := dial.Get(ctx, options)
		if answer != nil {
			livez(&try, answer)
		}
		return try
	})
	blame(tries)
	r := dial.Summarise(tries)
	if p.FromEnv {
		r.With("address", "%s, as KUBERNETES_SERVICE_HOST says", p.Addr)
	}
	if r.Status == check.Pass && pool == nil {
		r.Summary += ", CA not verified"
	}
	return r
}

func (probe apiProbe) fromEnv() (netip.AddrPort, bool) {
	addr, err := netip.ParseAddr(probe.getenv("KUBERNETES_SERVICE_HOST"))
	if err != nil {
		return netip.AddrPort{}, false
	}
	port, err := strconv.ParseUint(probe.getenv("KUBERNETES_SERVICE_PORT"), 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}

func livez(t *dial.Try, a *dial.Answer) {
	switch a.Status {
	case http.StatusOK:
		t.See("livez", "%s", a.Body)
	case http.StatusUnauthorized, http.StatusForbidden:
		t.See("livez", "not readable without credentials (HTTP %s)", a.Text)
	default:
		t.See("livez", "HTTP %s", a.Text)
	}
	t.Judge(a)
}

package checks

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// apiName is the name that every API server's certificate has.
const apiName = "kubernetes.default.svc"

// apiParams is where an API server is asked, and how it is trusted.
type apiParams struct {
	Addr netip.AddrPort `json:"addr,omitzero"`
	// FromEnv takes the address from the probe's environment instead.
	FromEnv bool `json:"fromEnv,omitempty"`
	// Denied names the policies that deny it: no answer is then as somebody asked for.
	Denied string    `json:"denied,omitempty"`
	CA     clusterCA `json:"ca"`
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
	blameFilter := watchOwnFilter(facts.TCP, p.Addr)
	tries := dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
		try, answer := dial.Get(ctx, options)
		if answer != nil {
			livez(&try, answer)
		}
		return try
	})
	blame(tries)
	blameFilter(tries)
	r := dial.Summarise(tries)
	if p.FromEnv {
		r.With("address", "%s, as KUBERNETES_SERVICE_HOST says", p.Addr)
	}
	if r.Status == check.Pass && pool == nil {
		r.Summary += ", CA not verified"
	}
	return asDenied(r, p.Denied, "that is fine unless the application asks the API server")
}

// asDenied is a result of what a policy denies and nobody asked for: no answer is then as
// somebody wants it, and no fault to be explained.
func asDenied(r check.Result, who, but string) check.Result {
	if who == "" || r.Status == check.Pass || !slices.Contains([]check.Failure{check.Timeout, check.Unreachable, check.Refused}, r.Failure) {
		return r
	}
	r.Status, r.Failure = check.Warn, ""
	r.Meaning = who + " denies it: " + but
	return r
}

// deniedAPI names the policies that deny the way to every API server, "" when none do or
// nothing enforces them.
func deniedAPI(f *facts.Facts) string {
	who := ""
	for _, flow := range f.Policies.Flows {
		if f.API.Service == nil || flow.Subject != serviceObject(f.API.Service.Ref()) {
			continue
		}
		if f.Policies.Unenforced || flow.Decision.Verdict() != facts.PolicyDenied {
			return ""
		}
		who = flow.Decision.Denier()
	}
	return who
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

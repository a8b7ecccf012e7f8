package checks

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func init() {
	Registry.Add(check.Define(check.Spec[httpParams]{
		ID:      "target.http",
		Area:    "target",
		Summary: "a URL answers, with the times of dns, connect, tls and first byte",
		Plan:    planTargetHTTP,
		Run:     runHTTP,
	}))
}

// httpParams is a URL to ask for.
type httpParams struct {
	URL  string    `json:"url"`
	CA   clusterCA `json:"ca,omitzero"`
	Soft bool      `json:"soft,omitempty"`
	// Sidecar as in reachParams.
	Sidecar string `json:"sidecar,omitempty"`
}

func planTargetHTTP(f *facts.Facts) []check.Planned[httpParams] {
	var tasks []check.Planned[httpParams]
	for _, t := range f.Targets {
		if t.Kind == target.URL {
			tasks = append(tasks, check.Planned[httpParams]{
				Label:  check.Label{Title: "url", Target: t.URL, Asked: t.Raw},
				Params: httpParams{URL: t.URL, CA: clusterCAOf(f.Vantage), Sidecar: f.Vantage.Sidecar()},
			})
		}
	}
	return tasks
}

// runHTTP asks for a URL. Redirects are told, not followed, but to another port of the same
// host, where whoever follows one would connect; 5xx is a failure of the application, 4xx
// an answer.
func runHTTP(ctx context.Context, t check.Task, p httpParams) check.Result {
	u, err := url.Parse(p.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return check.Errorf("%q is no http or https URL", dial.Clean(p.URL, 120))
	}
	peer, err := peerOf(u)
	if err != nil {
		return check.Errorf("%q has no valid port", dial.Clean(p.URL, 120))
	}
	return askURL(ctx, t, urlAsked{URL: u, Peer: peer, CA: p.CA, Soft: p.Soft, Sidecar: p.Sidecar, Redirects: true})
}

// urlAsked is a URL with the peer to ask for it, which need not be its host.
type urlAsked struct {
	URL     *url.URL
	Peer    dial.Peer
	CA      clusterCA
	Soft    bool
	Sidecar string // as in reachParams
	// AnyName lets the certificate be for any name.
	AnyName bool
	// Redirects looks whether a redirect leads anywhere on the same host.
	Redirects bool
}

// askURL asks a peer for a URL as often as the task says.
func askURL(ctx context.Context, t check.Task, asked urlAsked) check.Result {
	pool, why := asked.CA.withSystem()
	options := dial.GetOptions{
		Peer:  asked.Peer,
		URL:   asked.URL,
		Trust: dial.Trust{Roots: pool, Why: why, Names: []string{asked.URL.Hostname()}, Lenient: true},
	}
	if asked.AnyName {
		options.Trust.Names = nil
	}
	tries := dial.Attempts(ctx, t.Attempts, t.Timeout.D(), func(ctx context.Context, _ int) dial.Try {
		try, answer := dial.Get(ctx, options)
		if answer != nil {
			status(&try, answer)
			if asked.Redirects && try.Failure == "" {
				redirected(ctx, &try, asked.URL, answer)
			}
		}
		return try
	})
	seeThrough(asked.Sidecar, tries)
	return soften(dial.Summarise(tries), asked.Soft)
}

func status(t *dial.Try, a *dial.Answer) {
	t.See("status", "%s", a.Text)
	if a.Server != "" {
		t.See("server", "%s", a.Server)
	}
	if a.Location != "" {
		t.See("redirects to", "%s (not followed)", a.Location)
	}
	if a.Behind != "" {
		t.See("behind it", "a port that speaks TLS is asked in plain HTTP: %q", a.Behind)
	}
	t.Detail = "HTTP " + a.Text
	t.Judge(a)
}

// redirected connects to where a redirect leads, if that is another port of the host that
// gave it, and says so in t if nobody is there. An application that wants HTTPS knows
// nothing of the Service before it, which may have no such port. A warning: clients need
// not follow. The address that just answered is connected to: looking the host up again
// asks another question, and a stranger's name may lead elsewhere meanwhile.
func redirected(ctx context.Context, t *dial.Try, from *url.URL, answer *dial.Answer) {
	to, err := from.Parse(answer.Location)
	if answer.Location == "" || err != nil || !strings.EqualFold(to.Hostname(), from.Hostname()) || (to.Scheme != "http" && to.Scheme != "https") {
		return
	}
	here, err := peerOf(from)
	if err != nil {
		return
	}
	there, err := peerOf(to)
	if err != nil || there.Port == here.Port {
		return
	}
	began := time.Now()
	next := dial.Connect(ctx, addrPeer(netip.AddrPortFrom(answer.From.Addr(), there.Port)))
	if next.Err != nil || !nobodyThere(next.Failure, time.Since(began)) {
		return
	}
	t.See(redirectFails, "%s at port %d", next.Failure, there.Port)
	t.Failure, t.Soft = check.HTTP, true
	t.Detail = fmt.Sprintf("%s, redirects to %s, where nobody answers: %s", t.Detail, dial.Clean(to.String(), 120), next.Failure)
}

// nobodyThere reports whether a connection's failure is a word of its port, and no other
// trouble. The answer before it may have left little of the attempt's time: silence is told
// only where it was waited for.
func nobodyThere(failure check.Failure, waited time.Duration) bool {
	const patience = 500 * time.Millisecond
	return failure == check.Refused || failure == check.Unreachable || failure == check.Timeout && waited >= patience
}

// redirectFails is the key of the evidence of a redirect that leads nowhere.
const redirectFails = "redirect fails"

// peerOf is the host and port of a URL.
func peerOf(u *url.URL) (dial.Peer, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return dial.Peer{Host: u.Hostname(), Port: uint16(number)}, err
}

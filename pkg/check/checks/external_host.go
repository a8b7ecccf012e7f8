package checks

import (
	"context"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// externalPort is tried on hosts outside that were given without a port: the one
// that is open wherever anything is.
const externalPort = 443

func init() {
	Registry.Add(check.Define(check.Spec[externalParams]{
		ID:      "external.host",
		Area:    "external",
		Summary: "hosts outside the cluster can be reached; a warning only, unless they were asked for",
		Plan:    planExternalHost,
		Run: func(ctx context.Context, t check.Task, p externalParams) check.Result {
			const but = "that is fine unless the application needs the world outside"
			if p.HTTP != nil {
				return asDenied(runHTTP(ctx, t, *p.HTTP), p.Denied, but)
			}
			return asDenied(reach(ctx, t, p.Reach), p.Denied, but)
		},
	}))
}

// externalParams is a URL or a port outside the cluster.
type externalParams struct {
	HTTP  *httpParams `json:"http,omitempty"`
	Reach reachParams `json:"reach,omitzero"`
	// Denied names the policy that denies it, where nobody asked for it.
	Denied string `json:"denied,omitempty"`
}

func planExternalHost(f *facts.Facts) []check.Planned[externalParams] {
	soft := f.Ask.ExternalDefault
	var tasks []check.Planned[externalParams]
	for _, t := range f.Ask.External {
		proto, port := facts.TCP, t.Port
		if t.Protocol == string(facts.UDP) {
			proto = facts.UDP
		}
		if port == 0 {
			port = externalPort
		}
		var task check.Planned[externalParams]
		switch t.Kind {
		case target.URL:
			task.Label = check.Label{Title: "url", Target: t.URL}
			task.Params.HTTP = &httpParams{URL: t.URL, CA: clusterCAOf(f.Vantage), Soft: soft, Sidecar: f.Vantage.Sidecar()}
		case target.Host:
			host := hostTask(f, t, proto, port)
			task.Label, task.Params.Reach = host.Label, host.Params
		case target.IP:
			if soft && !f.Vantage.HasFamily(t.Addr) {
				continue
			}
			addr := netip.AddrPortFrom(t.Addr, port)
			task.Label = check.Label{Title: "address", Target: portTarget(proto, addr)}
			task.Params.Reach = reachParams{Protocol: proto, Peer: addrPeer(addr), Talk: dial.Guess("", "", port), Sidecar: f.Vantage.Sidecar()}
		default:
			continue
		}
		task.Params.Reach.Soft = soft
		if task.Asked = t.Raw; soft {
			task.Asked = ""
			task.Params.Denied = f.Policies.DenyOutside()
		}
		tasks = append(tasks, task)
	}
	return tasks
}

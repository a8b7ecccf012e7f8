package checks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// podResolvConf is where the resolver's configuration is: kubelet mounts the pod's own
// there into an ephemeral container too.
const podResolvConf = "/etc/resolv.conf"

// libraryServers is how many nameservers the resolver library reads (resolv.conf(5)).
const libraryServers = 3

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "vantage.resolv",
		Area:    "vantage",
		Summary: "the vantage point's resolv.conf names a nameserver",
		Plan: func(*facts.Facts) []check.Planned[struct{}] {
			return []check.Planned[struct{}]{{Label: check.Label{Title: "resolv.conf"}, Key: "resolv.conf"}}
		},
		Run: func(context.Context, check.Task, struct{}) check.Result {
			conf, err := netsys.ReadResolvConf(podResolvConf)
			if err != nil {
				return failed(check.Config, "%v", err)
			}
			return judgeResolvConf(conf)
		},
	}))
}

// judgeResolvConf is pure: what a resolv.conf says, in a result.
func judgeResolvConf(conf *facts.ResolvConf) check.Result {
	var servers, strange []string
	for _, s := range conf.Nameservers {
		servers = append(servers, dial.Clean(s, 64))
		addr, err := netip.ParseAddr(s)
		if err == nil {
			servers[len(servers)-1] += nodeLocal(addr)
		} else {
			strange = append(strange, dial.Clean(s, 64))
		}
	}
	var r check.Result
	switch {
	case len(servers) == 0:
		r = failed(check.Config, "resolv.conf names no nameserver")
	case len(strange) == len(servers):
		r = failed(check.Config, "resolv.conf names nothing that is an address: %s", fewOf(strange))
	case len(strange) > 0:
		r = failed(check.Config, "resolv.conf names a nameserver that is no address: %s", fewOf(strange))
		r.Status = check.Warn
	case len(servers) > libraryServers:
		r = failed(check.Config, "resolv.conf names %d nameservers, resolvers use the first %d", len(servers), libraryServers)
		r.Status = check.Warn
	default:
		r = check.Result{Status: check.Pass, Summary: fmt.Sprintf("nameserver %s, ndots %d", strings.Join(servers, ", "), conf.Ndots)}
	}
	r.With("nameservers", "%s", orNone(servers))
	r.With("search", "%s", dial.Clean(orNone(conf.Search), 400))
	r.With("options", "%s", dial.Clean(orNone(conf.Options), 400))
	r.With("ndots", "%d", conf.Ndots)
	r.Kernel = &facts.Kernel{ResolvConf: conf}
	return r
}

// orNone joins words, "none" for none.
func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " ")
}

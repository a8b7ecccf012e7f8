package causes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// vipTrouble is a ClusterIP that fails although every endpoint behind it, tried by
// itself from the same place, answers: the trouble is in how the node hands
// connections over.
type vipTrouble struct {
	service *facts.Service
	result  check.Result
	// endpoints are the results of the endpoints of the same port.
	endpoints []check.Result
	// self says that the vantage pod itself is one of the endpoints; local counts the
	// other endpoints on its node.
	self  bool
	local int
	// whole says that every attempt failed.
	whole bool
	// also are other bad results that go by way of the same ClusterIP.
	also []check.Result
}

// keys are those of all bad results of the trouble.
func (t vipTrouble) keys() []string {
	return append([]string{diagnose.Key(t.result)}, diagnose.Keys(t.also)...)
}

// vipTroubles finds them among the services in question.
func vipTroubles(c *diagnose.Case) []vipTrouble {
	var list []vipTrouble
	for _, r := range c.Find(diagnose.Match{Check: "service.vip", Status: failing}) {
		s := c.Service(r.Subject)
		if s == nil || len(s.Ready()) == 0 || noneLocal(c, s) {
			continue
		}
		if r.Failure != check.Timeout && r.Failure != check.Refused && r.Failure != check.Unreachable {
			continue
		}
		t := vipTrouble{service: s, result: r, whole: r.Lost() == len(r.Attempts)}
		healthy := true
		for _, e := range c.Find(diagnose.Match{Check: "service.endpoint", Subject: r.Subject}) {
			if e.Vantage != r.Vantage {
				continue
			}
			t.endpoints = append(t.endpoints, e)
			healthy = healthy && e.Status == check.Pass
		}
		if !healthy || len(t.endpoints) == 0 {
			continue
		}
		for _, e := range s.Ready() {
			switch {
			case slices.Contains(c.Facts.Vantage.IPs(), e.Addr.Unmap()):
				t.self = true
			case e.Node != "" && e.Node == c.Home():
				t.local++
			}
		}
		list = append(list, t)
	}
	return list
}

// coreTroubles are those of the cluster's own services, DNS and the API: their
// ClusterIPs are dead altogether from the pod, while whoever is behind them answers.
func coreTroubles(c *diagnose.Case) []vipTrouble {
	var list []vipTrouble
	for _, core := range []struct {
		service     *facts.Service
		vip, behind string
	}{
		{service: c.Facts.DNS.Service, vip: "dns.cluster", behind: "dns.cluster"},
		{service: c.Facts.API.Service, vip: "api.vip", behind: "api.endpoint"},
	} {
		s := core.service
		if s == nil {
			continue
		}
		t := vipTrouble{service: s, whole: true}
		var bad []check.Result
		dead := true
		for _, r := range c.Find(diagnose.Match{Vantage: c.Facts.Vantage.String()}) {
			addr, known := diagnose.TargetAddr(r)
			switch {
			case r.Vantage != c.Facts.Vantage.String() || !known:
			case r.Check == core.vip && slices.Contains(s.ClusterIPs, addr):
				bad = append(bad, r)
				dead = dead && allFailures(r, check.Timeout, check.Refused, check.Unreachable)
			case r.Check == core.behind:
				t.endpoints = append(t.endpoints, r)
			}
		}
		healthy := !slices.ContainsFunc(t.endpoints, func(r check.Result) bool { return r.Status != check.Pass })
		if len(bad) == 0 || !dead || !healthy || len(t.endpoints) == 0 {
			continue
		}
		t.result, t.also = bad[0], bad[1:]
		if s == c.Facts.DNS.Service {
			for _, key := range namesFailing(c) {
				if r, ok := c.Get(key); ok && r.Vantage == t.result.Vantage {
					t.also = append(t.also, r)
				}
			}
		}
		list = append(list, t)
	}
	return list
}

// evidence are the lines of a ClusterIP's trouble: what fails beside what answers.
func (t vipTrouble) evidence() []string {
	answered, tried := 0, 0
	for _, e := range t.endpoints {
		tried += max(1, len(e.Attempts))
		answered += max(1, len(e.Attempts)) - e.Lost()
	}
	return []string{
		seen(t.result),
		fmt.Sprintf("its %d endpoints answer when tried by themselves: %d of %d attempts", len(t.endpoints), answered, tried),
	}
}

// sysctlAt returns a kernel setting as the node's probe read it.
func sysctlAt(c *diagnose.Case, node, setting string) (value string, known bool) {
	for _, r := range c.Find(diagnose.Match{Check: "node.sysctl", Vantage: "node/"}) {
		if r.Vantage != "node/"+node || r.Kernel == nil {
			continue
		}
		for _, s := range r.Kernel.Sysctls {
			if s.Name == setting {
				return s.Value, true
			}
		}
		return "", true // the node was read, and has no such setting
	}
	return "", false
}

// settingFor is the bridge's setting for an address family.
func settingFor(addr netip.Addr) string {
	if addr.Is6() {
		return "net.bridge.bridge-nf-call-ip6tables"
	}
	return "net.bridge.bridge-nf-call-iptables"
}

func vipAddr(r check.Result) netip.Addr {
	addr, _ := diagnose.TargetAddr(r)
	return addr
}

package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// nodeSysctls are the settings that decide whether a node forwards for its pods.
var nodeSysctls = []string{
	"net/ipv4/ip_forward",
	"net/ipv4/conf/*/forwarding",
	"net/ipv4/conf/*/rp_filter",
	"net/ipv4/conf/*/proxy_arp",
	"net/ipv4/conf/*/arp_ignore",
	"net/ipv4/conf/*/route_localnet",
	"net/ipv6/conf/*/forwarding",
	"net/ipv6/conf/*/disable_ipv6",
	"net/bridge/bridge-nf-call-iptables",
	"net/bridge/bridge-nf-call-ip6tables",
	"net/ipv4/neigh/default/gc_thresh3",
	"net/ipv6/neigh/default/gc_thresh3",
	"net/netfilter/nf_conntrack_tcp_be_liberal",
}

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.sysctl",
		Area:    "node",
		Summary: "the node's kernel settings let it forward for its pods",
		Plan:    planNode("sysctl"),
		Run: func(_ context.Context, _ check.Task, p nodeParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			k.Sysctls = netsys.SystemSysctls(nodeSysctls...)
			r := judgeSysctls(p, k)
			r.Kernel = &facts.Kernel{Sysctls: k.Sysctls}
			return r
		},
	}))
}

// sysctlJudge holds settings against what a node of pods needs.
type sysctlJudge struct {
	values  map[string]string
	links   map[string]facts.Link
	carry   map[string]bool // interfaces that pods' packets come in by
	broken  []string
	doubted []string
	r       check.Result
}

// judgeSysctls is pure. A setting that is absent or unreadable is no failure of its
// own; rp_filter is evidence only, since strict filtering is fine on symmetric paths.
func judgeSysctls(p nodeParams, k facts.Kernel) check.Result {
	j := sysctlJudge{values: map[string]string{}, links: map[string]facts.Link{}, carry: map[string]bool{}}
	for _, s := range k.Sysctls {
		j.values[s.Name] = s.Value
	}
	for _, l := range k.Links {
		j.links[l.Name] = l
	}
	for _, l := range podLinks(p, k) {
		j.carry[l.Name] = true
	}
	for _, r := range k.Routes {
		if r.Dst == "default" && r.Type == "unicast" {
			j.carry[r.Dev] = true // answers from outside come back here
		}
	}
	if len(j.values) == 0 {
		return check.Skipf("", "no kernel setting can be read")
	}
	v4, v6 := p.Self.hasFamily(netsys.IPv4) || len(p.Self.PodCIDRs) == 0, p.Self.hasFamily(netsys.IPv6)
	if v4 {
		j.forwarding("net.ipv4.ip_forward")
		j.forwardingByLink()
		j.bridge("net.bridge.bridge-nf-call-iptables")
	}
	if v6 {
		// An interface's own setting makes a router of it for neighbour discovery only;
		// forwarding goes by this one (net/ipv6/ip6_output.c, ip6_forward).
		j.forwarding("net.ipv6.conf.all.forwarding")
		j.bridge("net.bridge.bridge-nf-call-ip6tables")
	}
	j.filters()
	switch {
	case len(j.broken) > 0:
		j.r.Status, j.r.Failure, j.r.Summary = check.Fail, check.Config, fewOf(append(j.broken, j.doubted...))
		j.r.Meaning = "the node does not forward packets between its pods and the network, although they reach it"
	case len(j.doubted) > 0:
		j.r.Status, j.r.Failure, j.r.Summary = check.Warn, check.Config, fewOf(j.doubted)
	default:
		j.r.Status, j.r.Summary = check.Pass, "forwarding is on"
	}
	return j.r
}

// forwarding judges the switch of a family.
func (j *sysctlJudge) forwarding(all string) {
	value, known := j.values[all]
	if !known {
		j.r.With(all, "not readable")
		return
	}
	j.r.With(all, "%s", dial.Clean(value, 32))
	if value == "0" {
		j.broken = append(j.broken, all+"=0")
	}
}

// forwardingByLink judges the interfaces whose own switch is off: what comes in by
// them is not forwarded (net/ipv4/route.c, IN_DEV_FORWARD).
func (j *sysctlJudge) forwardingByLink() {
	if j.values["net.ipv4.ip_forward"] == "0" {
		return // it turned off each interface's own as well
	}
	for _, name := range sortedKeys(j.links) {
		l := j.links[name]
		setting := "net.ipv4.conf." + strings.ReplaceAll(name, ".", "/") + ".forwarding"
		// A port of a bridge does not route, its bridge does.
		if j.values[setting] != "0" || isLoopback(l) || l.Master != "" || !l.Up {
			continue
		}
		shown := dial.Clean(setting, 80)
		j.r.With(shown, "0")
		if j.carry[name] {
			j.broken = append(j.broken, shown+"=0")
		} else {
			j.doubted = append(j.doubted, shown+"=0")
		}
	}
}

// bridge judges whether bridged packets pass the packet filter: without it a Service
// whose backend is on the same bridge as the client fails.
func (j *sysctlJudge) bridge(setting string) {
	bridged := false
	for name := range j.carry {
		bridged = bridged || j.links[name].Kind == "bridge"
	}
	value, known := j.values[setting]
	if !known {
		value = "absent (br_netfilter is not loaded)"
	}
	if !bridged {
		return // this CNI's pods are on no bridge
	}
	j.r.With(setting, "%s", dial.Clean(value, 64))
	if value == "1" {
		return
	}
	j.doubted = append(j.doubted, fmt.Sprintf("%s=%s: a Service fails for pods of this node when its backend is on this node too", setting, dial.Clean(value, 64)))
}

// filters shows where reverse path filtering is strict.
func (j *sysctlJudge) filters() {
	var strict []string
	for name, value := range j.values {
		if dev, ok := strings.CutPrefix(name, "net.ipv4.conf."); ok && value == "1" {
			if dev, ok := strings.CutSuffix(dev, ".rp_filter"); ok {
				strict = append(strict, dial.Clean(dev, 32))
			}
		}
	}
	slices.Sort(strict)
	if len(strict) > 0 {
		j.r.With("rp_filter strict (1)", "%s", fewOf(strict))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

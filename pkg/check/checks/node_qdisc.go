package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxRulesShown is how many routing rules are described in the evidence.
const maxRulesShown = 12

func init() {
	Registry.Add(check.Define(check.Spec[qdiscParams]{
		ID:      "node.qdisc",
		Area:    "node",
		Summary: "no queueing discipline delays, loses or limits packets on the interfaces that carry pods or the nodes' network; reads ip rules",
		Plan: func(f *facts.Facts) []check.Planned[qdiscParams] {
			p, ok := nodeFacts(f)
			if !ok {
				return nil
			}
			task := nodeTask("queues", p)
			return []check.Planned[qdiscParams]{{Label: task.Label, Params: qdiscParams{nodeParams: p, IPs: f.Vantage.IPs()}}}
		},
		Run: func(_ context.Context, _ check.Task, p qdiscParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			if k.Qdiscs, err = netsys.Qdiscs(); err != nil {
				return check.Errorf("%v", err)
			}
			k.Rules, err = netsys.Rules()
			r := judgeQdiscs(p, k)
			if err != nil {
				r.With("ip rules", "%v", err)
			}
			return r
		},
	}))
}

// qdiscParams add the node's own addresses, which tell the underlay's interfaces.
type qdiscParams struct {
	nodeParams
	IPs []netip.Addr `json:"ips,omitempty"`
}

// judgeQdiscs is pure. A limit on one pod's veth is told, but no warning: that is how
// the bandwidth annotations of a pod are carried out.
func judgeQdiscs(p qdiscParams, k facts.Kernel) check.Result {
	r := check.Result{Kernel: &facts.Kernel{Qdiscs: k.Qdiscs, Rules: k.Rules}}
	carry := carriers(p, k)
	pods := map[string]bool{}
	for _, l := range k.Links {
		pods[l.Name] = l.Kind == "veth" && l.PeerNetns >= 0
	}
	var doubted []string
	dropping := 0
	for _, q := range k.Qdiscs {
		name := dial.Clean(q.Dev, 32)
		switch bad := disturbs(q); {
		case bad && (carry[q.Dev] || pods[q.Dev] && (q.DelayMs > 0 || q.LossPercent > 0)):
			doubted = append(doubted, fmt.Sprintf("%s on %s (%s)", dial.Clean(q.Kind, 20), name, dial.Clean(q.Params, 80)))
			r.With(name, "%s", describeQdisc(q))
		case bad, carry[q.Dev] && q.Drops > 0 && dropping < maxDifferences:
			dropping++
			r.With(name, "%s", describeQdisc(q))
		}
	}
	own := slices.DeleteFunc(slices.Clone(k.Rules), defaultRule)
	for _, rule := range own[:min(len(own), maxRulesShown)] {
		r.With(fmt.Sprintf("ip rule %d", rule.Priority), "%s", describeRule(rule))
	}
	if more := len(own) - maxRulesShown; more > 0 {
		r.With("ip rules", "%d more", more) // some CNIs make one for each pod
	}
	if len(doubted) > 0 {
		r.Status, r.Failure, r.Summary = check.Warn, check.Config, fewOf(doubted)
		r.Meaning = "somebody set this up: packets of many pods are delayed, lost or held back here, more so under load"
		return r
	}
	r.Status = check.Pass
	r.Summary = fmt.Sprintf("none of %d queues shapes or disturbs what carries pods", len(k.Qdiscs))
	return r
}

// carriers are the interfaces that the packets of many pods go through: the CNI's, and
// those of the underlay, down to the parts of a bond and the parent of a VLAN.
func carriers(p qdiscParams, k facts.Kernel) map[string]bool {
	carry, byIndex := map[string]bool{}, map[int]facts.Link{}
	for _, l := range k.Links {
		byIndex[l.Index] = l
		carry[l.Name] = slices.ContainsFunc(p.IPs, func(ip netip.Addr) bool { return slices.ContainsFunc(l.Addrs, hasAddr(ip)) })
	}
	for _, l := range podLinks(p.nodeParams, k) {
		carry[l.Name] = true
		if l.VXLAN != nil {
			carry[byIndex[l.VXLAN.Device].Name] = true
		}
	}
	for _, route := range k.Routes {
		if route.Dst == "default" && route.Type == "unicast" {
			carry[route.Dev] = true
		}
	}
	for _, l := range k.Links {
		if carry[l.Name] && l.Kind == "vlan" && l.PeerNetns < 0 {
			carry[byIndex[l.PeerIndex].Name] = true
		}
	}
	for _, l := range k.Links {
		if l.Master != "" && l.Kind != "veth" && carry[l.Master] {
			carry[l.Name] = true
		}
	}
	delete(carry, "")
	return carry
}

// hasAddr says whether an address in CIDR notation is ip.
func hasAddr(ip netip.Addr) func(string) bool {
	return func(text string) bool {
		prefix, err := netip.ParsePrefix(text)
		return err == nil && prefix.Addr() == ip.Unmap()
	}
}

// disturbs reports whether a discipline shapes, delays or loses packets. The kernel's
// defaults (noqueue, fq_codel, pfifo_fast, mq, fq) and other schedulers drop only what
// does not fit into their queue; htb and hfsc do what their classes say.
func disturbs(q facts.Qdisc) bool {
	return q.Rate > 0 || q.DelayMs > 0 || q.LossPercent > 0 || slices.Contains([]string{"netem", "tbf", "blackhole", "red", "choke"}, q.Kind)
}

func describeQdisc(q facts.Qdisc) string {
	text := dial.Clean(q.Kind, 20)
	if q.Class != "" {
		text += " class " + q.Class
	}
	if q.Params != "" {
		text += ": " + dial.Clean(q.Params, 120)
	}
	return fmt.Sprintf("%s; %d packets, %d dropped, %d held back, %d bytes waiting", text, q.Packets, q.Drops, q.Overlimits, q.Backlog)
}

// defaultRule reports whether a rule is one of those that every namespace begins with
// (ip-rule(8)): local at 0, main at 32766, default at 32767.
func defaultRule(r facts.Rule) bool {
	const local, main, other = 255, 254, 253
	tables := map[int]int{0: local, 32766: main, 32767: other}
	plain := r == facts.Rule{Family: r.Family, Priority: r.Priority, Action: "lookup", Table: r.Table, Suppress: -1}
	return plain && tables[r.Priority] == r.Table
}

// describeRule is a rule as ip-rule(8) prints it.
func describeRule(r facts.Rule) string {
	text := "from all"
	if r.Src != "" {
		text = "from " + r.Src
	}
	if r.Dst != "" {
		text += " to " + r.Dst
	}
	if r.Invert {
		text = "not " + text
	}
	if r.Mark != 0 || r.Mask != 0 {
		text += fmt.Sprintf(" fwmark 0x%x/0x%x", r.Mark, r.Mask)
	}
	if r.Iif != "" {
		text += " iif " + dial.Clean(r.Iif, 32)
	}
	if r.Oif != "" {
		text += " oif " + dial.Clean(r.Oif, 32)
	}
	text += " " + r.Action
	if r.Action == "lookup" {
		text += fmt.Sprintf(" %d", r.Table)
	}
	return text
}

package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxAttachedShown is how many programs and filters are told one by one.
const maxAttachedShown = 20

// maxPodsBehind bounds the addresses behind one interface.
const maxPodsBehind = 16

func init() {
	Registry.Add(check.Define(check.Spec[tcParams]{
		ID:      "node.tc",
		Area:    "node",
		Summary: "no tc filter and no eBPF program (XDP, tc, tcx) of somebody else's than the network plugin's takes packets at the interfaces that carry pods or the nodes' network",
		Plan: func(f *facts.Facts) []check.Planned[tcParams] {
			p, ok := nodeFacts(f)
			if !ok {
				return nil
			}
			task := nodeTask("tc and eBPF", p)
			params := tcParams{qdiscParams{nodeParams: p, IPs: f.Vantage.IPs()}, f.Network.Plugin}
			return []check.Planned[tcParams]{{Label: task.Label, Params: params}}
		},
		Run: func(_ context.Context, _ check.Task, p tcParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			var unread error
			k.Attached, unread, err = netsys.AttachedAll()
			switch {
			case errors.Is(err, netsys.ErrUnsupported):
				return check.Skipf("", "%v", err)
			case err != nil:
				return check.Errorf("%v", err)
			}
			if len(k.Attached) > 0 {
				k.Neighbours, _ = netsys.Neighbours() // without, it is not known which pod is behind an interface
				k.FDB, _ = netsys.FDB()
			}
			return judgeAttached(p, k, unread)
		},
	}))
}

// tcParams add the cluster's network plugin, "" where it is not known.
type tcParams struct {
	qdiscParams
	Plugin string `json:"plugin,omitempty"`
}

// judgeAttached is pure: whose the programs and filters are, as their names tell, and
// whether those that may take packets stand where pods' packets pass. unread is why those
// of tcx could not be asked for.
func judgeAttached(p tcParams, k facts.Kernel, unread error) check.Result {
	r := check.Result{Status: check.Pass, Kernel: &facts.Kernel{Attached: k.Attached}}
	carry, behind, pods := carriers(p.qdiscParams, k), map[string][]string{}, map[string]bool{}
	for _, l := range k.Links {
		if (l.Kind == "veth" || l.Kind == "netkit") && l.PeerNetns >= 0 && !addressed(l) {
			carry[l.Name], behind[l.Name], pods[l.Name] = true, podsBehind(k, l), true
		}
	}
	var foreign []string
	shown, own, nameless := 0, 0, 0
	for i, a := range k.Attached {
		k.Attached[i].Pods = behind[a.Dev]
		suspect := a.Foreign(p.Plugin)
		if owner := a.Owner(); owner != nil && owner.Name == p.Plugin {
			own++
		}
		if suspect && carry[a.Dev] && (!pods[a.Dev] || !a.Unplaced(p.Plugin)) {
			foreign = append(foreign, dial.Clean(a.Name(), 120))
		}
		switch {
		case a.Decides && a.Program == "" && !suspect:
			nameless++
		case (suspect || a.Owner() == nil) && shown < maxAttachedShown:
			shown++
			r.With(dial.Clean(a.Name(), 120), "%s", attachedText(a))
		}
	}
	if more := len(k.Attached) - own - nameless - shown; more > 0 {
		r.With("and more", "%d", more)
	}
	places := "XDP, tc, tcx"
	if unread != nil {
		places = "XDP, tc; those of tcx may not be read"
		r.With("tcx", "cannot be read: bpf(2) says %s; 'bpftool net show' on the node tells", dial.Clean(unread.Error(), 100))
	}
	switch {
	case len(foreign) > 0:
		r.Status, r.Failure, r.Summary = check.Warn, check.Config, fewOf(foreign)
		r.Meaning = "it decides about packets before the packet filter sees them, or behind it: what it takes is in no rule of nftables or iptables, and in next to no counter"
		if p.Plugin != "" {
			r.With("network plugin", "%s: none of these is its", dial.Clean(p.Plugin, 32))
		}
	case len(k.Attached) == 0:
		r.Summary = fmt.Sprintf("no filter and no program at any of %d interfaces (%s)", len(k.Links), places)
	case nameless == len(k.Attached):
		r.Summary = fmt.Sprintf("%d programs at interfaces (%s), whose names may not be read here", nameless, places)
	case own == len(k.Attached):
		r.Summary = fmt.Sprintf("%d programs at interfaces (%s), all of them %s's", own, places, p.Plugin)
	default:
		r.Summary = fmt.Sprintf("%d filters and programs at interfaces (%s), %d of them %s's by their names", len(k.Attached), places, own, orSome(p.Plugin))
	}
	return r
}

// podsBehind are the addresses of the pod that an interface leads to: those whose MAC the
// bridge has learned there, or neighbours and routes of the interface itself.
func podsBehind(k facts.Kernel, l facts.Link) []string {
	learned := map[string]bool{}
	for _, e := range k.FDB {
		if e.Dev == l.Name && e.State != "permanent" {
			learned[strings.ToLower(e.MAC)] = true
		}
	}
	var list []string
	add := func(text string) {
		addr, err := netip.ParseAddr(text)
		if err == nil && !addr.IsLinkLocalUnicast() && !slices.Contains(list, text) && len(list) < maxPodsBehind {
			list = append(list, text)
		}
	}
	for _, n := range k.Neighbours {
		if n.MAC != "" && (n.Dev == l.Name || n.Dev == l.Master && learned[strings.ToLower(n.MAC)]) {
			add(n.IP)
		}
	}
	for _, r := range k.Routes {
		if prefix, err := netip.ParsePrefix(r.Dst); err == nil && r.Dev == l.Name && prefix.IsSingleIP() && r.Gateway == "" && r.InMain() {
			add(prefix.Addr().String())
		}
	}
	return list
}

func orSome(plugin string) string {
	if plugin == "" {
		return "some plugin"
	}
	return plugin
}

func attachedText(a facts.Attached) string {
	text := "a filter that only looks"
	switch owner := a.Owner(); {
	case owner != nil:
		text = "a program of " + owner.Name + ", by its name"
	case len(a.Takes) > 0:
		text = dial.Clean(strings.Join(a.Takes, ", "), 80)
	case a.Decides && a.Program == "":
		text = "a program which may drop or redirect; its name may not be read here"
	case a.Decides:
		text = "a program which may drop or redirect"
	}
	if asks := a.Match.String(); asks != "" && !a.Decides {
		text += ", asks for " + dial.Clean(asks, 160)
	}
	if a.Packets != nil {
		text += fmt.Sprintf(", %d packets by %s", *a.Packets, dial.Clean(a.CountedBy, 48))
	}
	return text
}

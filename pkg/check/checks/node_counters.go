package checks

import (
	"context"
	"fmt"
	"maps"
	"os"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.counters",
		Area:    "node",
		Summary: "reads the node's packet counters (never a failure: what they moved by between two readings is evidence)",
		Plan:    planNode("counters"),
		Run: func(context.Context, check.Task, nodeParams) check.Result {
			return readCounters()
		},
	}))
}

// readCounters reads everything that counts packets in this namespace.
func readCounters() check.Result {
	var r check.Result
	links, err := netsys.Links()
	if err != nil {
		r.With("interfaces", "%v", err)
	}
	all, err := netsys.Counters(os.DirFS(netsys.ProcNet), links)
	if err != nil {
		return check.Skipf("", "the kernel's counters cannot be read: %v", err)
	}
	if _, known := all["conntrack.drop"]; !known {
		// Some kernels are built without the file, and ctnetlink needs NET_ADMIN.
		if tracked, err := netsys.ConntrackCounters(); err == nil {
			maps.Copy(all, tracked)
		} else {
			r.With("conntrack", "its counters cannot be read")
		}
	}
	for _, d := range countedDrops() { // NET_ADMIN; node.filter says more
		if d.Packets != nil {
			all[d.Counter()] = *d.Packets
		}
	}
	attached, _, _ := netsys.AttachedAll() // node.tc says more
	for _, a := range attached {
		if a.Packets != nil {
			all[a.Counter()] = *a.Packets
		}
	}
	r.Status = check.Pass
	r.Summary = fmt.Sprintf("%d counters read", len(all))
	for _, name := range noteworthy {
		if all[name] > 0 {
			r.With(name, "%d since the node started", all[name])
		}
	}
	r.Kernel = &facts.Kernel{Counters: all}
	return r
}

// noteworthy are the counters of packets that the kernel threw away, with a reason. A
// total since the start proves nothing; it is where to look.
var noteworthy = []string{
	"tcpext.IPReversePathFilter", "tcpext.ListenOverflows", "tcpext.ListenDrops", "tcp.InCsumErrors", "udp.InCsumErrors",
	"ip.InNoRoutes", "ip.OutNoRoutes", "ip.InAddrErrors", "ip.FragFails", "softnet.dropped",
	"conntrack.insert_failed", "conntrack.drop", "conntrack.early_drop", "arp.table_fulls", "ndisc.table_fulls",
}

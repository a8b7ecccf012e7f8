package checks

import (
	"context"
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[qdiscParams]{
		ID:      "node.offload",
		Area:    "node",
		Summary: "reads what tunnel devices and the links below them leave to their drivers: checksums, segmentation (never a failure: it is evidence where packets arrive damaged)",
		Plan: func(f *facts.Facts) []check.Planned[qdiscParams] {
			p, ok := nodeFacts(f)
			if !ok {
				return nil
			}
			task := nodeTask("offloads", p)
			return []check.Planned[qdiscParams]{{Label: task.Label, Params: qdiscParams{nodeParams: p, IPs: f.Vantage.IPs()}}}
		},
		Run: func(_ context.Context, _ check.Task, p qdiscParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			return readOffloads(offloading(p, k), netsys.Offload)
		},
	}))
}

// encapsulates reports whether a link packs what it sends into UDP. Such a device takes
// packets whose checksum is to be filled in by an interface below it, which has to find
// the inner header for that: where the known bugs are.
func encapsulates(l facts.Link) bool { return l.Kind == "vxlan" || l.Kind == "geneve" }

// offloading are the tunnel devices and the links that carry what they send, down to
// the parts of a bond and the parent of a VLAN, in the order of k; none without a tunnel.
func offloading(p qdiscParams, k facts.Kernel) []facts.Link {
	carry := carriers(p, k)
	tunnels := 0
	var list []facts.Link
	for _, l := range k.Links {
		switch {
		case encapsulates(l):
			tunnels++
		case !carry[l.Name] || l.Kind == "bridge" || l.Kind == "veth" && leadsToPod(l) && len(l.Addrs) == 0:
			continue // the CNI's bridge and its ports lie above the tunnel
		}
		list = append(list, l)
	}
	if tunnels == 0 {
		return nil
	}
	return list
}

// readOffloads asks for the flags of each link. A reading: that something is offloaded
// is what everybody wants, and no failure by itself.
func readOffloads(links []facts.Link, ask func(string) (*facts.Offload, error)) check.Result {
	if len(links) == 0 {
		return check.Skipf("", "no tunnel device that packs into UDP (VXLAN, Geneve) is here")
	}
	r := check.Result{Kernel: &facts.Kernel{}}
	var told []string
	for _, l := range links {
		name := dial.Clean(l.Name, 32)
		o, err := ask(l.Name)
		if err != nil {
			r.With(name, "cannot be asked: %v", err)
			continue
		}
		l.Offload = o
		r.Kernel.Links = append(r.Kernel.Links, l)
		r.With(name, "%s", describeOffload(*o))
		if encapsulates(l) {
			told = append(told, fmt.Sprintf("%s at %s", onOff(o.TxChecksum), name))
		}
	}
	if len(told) == 0 {
		return check.Skipf("", "no tunnel device can be asked for its offloads: %s", r.Evidence[0].Value)
	}
	r.Status, r.Summary = check.Pass, "tx checksumming is "+strings.Join(told, ", ")
	return r
}

func describeOffload(o facts.Offload) string {
	return fmt.Sprintf("tx checksumming %s, rx checksumming %s, TSO %s, GSO %s, GRO %s",
		onOff(o.TxChecksum), onOff(o.RxChecksum), onOff(o.TSO), onOff(o.GSO), onOff(o.GRO))
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

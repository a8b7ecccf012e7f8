package checks

import (
	"context"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func init() {
	Registry.Add(check.Define(check.Spec[nodeParams]{
		ID:      "node.fdb",
		Area:    "node",
		Summary: "flannel vxlan: the VXLAN device knows behind which address every other node's VTEP is",
		Plan:    planVXLAN("fdb"),
		Run: func(_ context.Context, _ check.Task, p nodeParams) check.Result {
			k, err := linksAndRoutes()
			if err != nil {
				return check.Errorf("%v", err)
			}
			if k.FDB, err = netsys.FDB(); err != nil {
				return check.Errorf("%v", err)
			}
			r := judgeFDB(p, k)
			r.Kernel = &facts.Kernel{FDB: k.FDB}
			return r
		},
	}))
}

// linksAndRoutes reads what most checks of a node begin with.
func linksAndRoutes() (k facts.Kernel, err error) {
	if k.Links, err = netsys.Links(); err != nil {
		return k, err
	}
	k.Routes, err = netsys.Routes()
	return k, err
}

// judgeFDB is pure: the nodes' VTEPs against the forwarding entries.
func judgeFDB(p nodeParams, k facts.Kernel) check.Result {
	devices := vxlanDevices(k.Links, p.Self.Flannel.VNI)
	if gone := p.flannelGone(k); gone != "" {
		return check.Skipf("", "%s", gone)
	}
	if len(devices) == 0 {
		return failed(check.Config, "no vxlan device with VNI %d on this node", p.Self.Flannel.VNI)
	}
	behind := map[string][]string{} // by MAC
	for _, e := range k.FDB {
		if devices[e.Dev] {
			mac := strings.ToLower(e.MAC)
			behind[mac] = append(behind[mac], e.Dst)
		}
	}
	direct := directRoutes(k.Routes)
	var d nodeDifferences
	for _, peer := range p.Peers {
		for _, v := range peer.vteps() {
			if !p.expects(peer, v.cidr) || direct[v.routeText()] {
				continue
			}
			d.compared++
			have, known := behind[strings.ToLower(v.mac)]
			switch {
			case !known:
				d.add(peer.Name, "no entry for its VTEP %s, want dst %s", v.mac, v.public)
			case !containsAddr(have, v.public):
				d.add(peer.Name, "its VTEP %s is said to be behind %s, want %s", v.mac, strings.Join(have, ", "), v.public)
			}
		}
	}
	r := d.result(check.Config, "FDB entries of VTEPs", p)
	if r.Failure != "" {
		r.Meaning = "packets to pods on the nodes named leave the tunnel for nowhere, or for the wrong node"
	}
	return r
}

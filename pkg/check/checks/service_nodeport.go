package checks

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[nodePortParams]{
		ID:      "service.nodeport",
		Area:    "service",
		Summary: "a service's node ports answer at every node's own address",
		Plan:    planNodePort,
		Run:     runNodePort,
	}))
}

// nodePortParams is a node port at one node.
type nodePortParams struct {
	reachParams
	// NoneLocal says that the service keeps to endpoints of the node that is asked, and
	// has none ready there: that it does not answer is by design.
	NoneLocal bool `json:"noneLocal,omitempty"`
}

// planNodePort tries each port at the first address of each family of the nodes read.
func planNodePort(f *facts.Facts) []check.Planned[nodePortParams] {
	var tasks []check.Planned[nodePortParams]
	for _, s := range f.Services {
		if s.Asked == "" {
			continue // nobody asked about its way in from outside
		}
		for _, port := range s.Ports {
			if port.NodePort == 0 || port.Protocol == facts.SCTP {
				continue
			}
			for _, n := range f.Entrances {
				for _, ip := range firstOfEach(reachable(f, n.IPs)) {
					tasks = append(tasks, nodePortTask(f, s, port, n, ip))
				}
			}
		}
	}
	return tasks
}

// firstOfEach keeps the first address of each family.
func firstOfEach(addrs []netip.Addr) []netip.Addr {
	var list []netip.Addr
	seen := map[bool]bool{}
	for _, a := range addrs {
		if is4 := a.Unmap().Is4(); !seen[is4] {
			seen[is4] = true
			list = append(list, a.Unmap())
		}
	}
	return list
}

func nodePortTask(f *facts.Facts, s facts.Service, port facts.ServicePort, n facts.Node, ip netip.Addr) check.Planned[nodePortParams] {
	addr := netip.AddrPortFrom(ip, port.NodePort)
	talk := dial.Guess(port.AppProtocol, port.Name, port.Port)
	talk.Host = serviceHost(s)
	ready := s.Ready()
	local := 0
	for _, e := range ready {
		if e.Node == n.Name {
			local++
		}
	}
	return check.Planned[nodePortParams]{
		Label: check.Label{
			Title:   nameFrom(f, s.Ref()) + " node port " + portTitle(port.Protocol, port.NodePort),
			Target:  portTarget(port.Protocol, addr),
			Object:  nodeObject(n.Name),
			Subject: serviceObject(s.Ref()),
			Asked:   s.Asked,
		},
		Key: s.Ref().String() + " " + portTarget(port.Protocol, addr),
		Params: nodePortParams{
			reachParams: reachParams{
				Protocol: port.Protocol, Peer: addrPeer(addr), Talk: talk, Sidecar: f.Vantage.Sidecar(),
				NoBackend: len(ready) == 0 && !s.EndpointsUnknown,
			},
			NoneLocal: s.ExternalLocal && local == 0 && len(ready) > 0 && !s.EndpointsUnknown,
		},
	}
}

func runNodePort(ctx context.Context, t check.Task, p nodePortParams) check.Result {
	return judgeNodePort(reach(ctx, t, p.reachParams), p.NoneLocal)
}

// judgeNodePort is pure: silence where the service has no endpoint, and is to use no
// other, is worth a warning only. From inside the cluster such a port may answer all the
// same: a node hands its own pods' connections to any endpoint.
func judgeNodePort(r check.Result, noneLocal bool) check.Result {
	if !noneLocal || r.Status != check.Fail || r.Failure != check.Timeout && r.Failure != check.Refused {
		return r
	}
	r.Status, r.Failure = check.Warn, check.NoEndpoint
	r.Summary = fmt.Sprintf("%s: externalTrafficPolicy is Local, and no ready endpoint is on this node", r.Summary)
	r.Meaning = "by design: only nodes with an endpoint of their own answer, and load balancers are to leave the others out"
	return r
}

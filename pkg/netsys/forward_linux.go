package netsys

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// refusals are what the kernel says of a packet that no route forwards, by the errors
// of fib_lookup (net/ipv4/fib_semantics.c, fib_props; net/ipv6/route.c,
// ip6_rt_type_to_error).
var refusals = map[error]string{
	unix.EINVAL:      "blackhole",
	unix.EACCES:      "prohibit",
	unix.ENETUNREACH: "unreachable",
}

// Forward asks the kernel what it does with a packet from src to dst that comes in by
// an interface: policy rules, all tables and the reverse path filter are heeded
// (RTM_GETROUTE with RTA_IIF: net/ipv4/route.c, inet_rtm_getroute). Where the kernel
// drops it the answer has Refused set. ok is false when there is no answer: forwarding
// is off for the interface, the packet's source has no way back by it, or the kernel
// cannot be asked.
func Forward(src, dst netip.Addr, iif int) (f facts.Forward, ok bool) {
	f = facts.Forward{Src: src.String(), Dst: dst.String()}
	routes, err := netlink.RouteGetWithOptions(dst.AsSlice(), &netlink.RouteGetOptions{IifIndex: iif, SrcAddr: src.AsSlice()})
	if err != nil {
		for refusal, word := range refusals {
			if errors.Is(err, refusal) {
				f.Refused = word
				return f, word != "blackhole" || leadsTo(src, iif)
			}
		}
		return f, false
	}
	if len(routes) == 0 {
		return f, false
	}
	hops := hopsOf(routes[0], linkNames())
	switch t := routes[0].Type; t {
	case unix.RTN_UNICAST:
		f.Route = &hops[0].Route
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT: // IPv6 gives the route itself
		f.Refused = routeType(t)
	default:
		f.Refused = fmt.Sprintf("taken for %s", routeType(t))
	}
	return f, true
}

// leadsTo reports whether the way to an address is by an interface. The reverse path
// filter drops what comes in from elsewhere, with the error of a blackhole.
func leadsTo(addr netip.Addr, index int) bool {
	routes, err := netlink.RouteGet(addr.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].LinkIndex == index
}

package netsys

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

var routeTypes = map[int]string{
	unix.RTN_UNICAST:     "unicast",
	unix.RTN_LOCAL:       "local",
	unix.RTN_BROADCAST:   "broadcast",
	unix.RTN_ANYCAST:     "anycast",
	unix.RTN_MULTICAST:   "multicast",
	unix.RTN_BLACKHOLE:   "blackhole",
	unix.RTN_UNREACHABLE: "unreachable",
	unix.RTN_PROHIBIT:    "prohibit",
	unix.RTN_THROW:       "throw",
	unix.RTN_NAT:         "nat",
}

func routeType(t int) string {
	if name, known := routeTypes[t]; known {
		return name
	}
	return fmt.Sprintf("type %d", t)
}

// Routes returns the IPv4 and IPv6 routes of all tables, those of the local table
// too, one entry for each next hop, sorted by family, table and destination.
func Routes() ([]facts.Route, error) {
	hops, err := routeHops()
	if err != nil {
		return nil, err
	}
	list := make([]facts.Route, 0, len(hops))
	for _, h := range hops {
		list = append(list, h.Route)
	}
	return bound(list), nil
}

// hop is one next hop of a route, with what facts.Route leaves out.
type hop struct {
	facts.Route
	prefix  netip.Prefix
	gateway netip.Addr
	index   int
	metric  int
}

func routeHops() ([]hop, error) {
	names := linkNames()
	var hops []hop
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		// A filter for table "unspec" is how the library is told to give all tables.
		routes, err := dump(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range routes {
			hops = append(hops, hopsOf(r, names)...)
		}
	}
	slices.SortStableFunc(hops, func(a, b hop) int {
		return cmp.Or(
			cmp.Compare(a.Family, b.Family), cmp.Compare(a.Table, b.Table),
			a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()),
			cmp.Compare(a.metric, b.metric), a.gateway.Compare(b.gateway), cmp.Compare(a.index, b.index))
	})
	return hops, nil
}

// hopsOf splits a route into its next hops: one, or several for a multipath route.
func hopsOf(r netlink.Route, names map[int]string) []hop {
	base := hop{index: r.LinkIndex, metric: r.Priority, Route: facts.Route{
		Family: IPv6,
		Table:  r.Table,
		Type:   routeType(r.Type),
		MTU:    r.MTU,
		Onlink: r.Flags&int(netlink.FLAG_ONLINK) != 0,
	}}
	if r.Family == netlink.FAMILY_V4 {
		base.Family = IPv4
	}
	if r.Dst != nil {
		if addr, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			bits, _ := r.Dst.Mask.Size()
			base.prefix = netip.PrefixFrom(addr.Unmap(), bits)
			base.Dst = base.prefix.String()
			if bits == 0 {
				base.Dst = "default"
			}
		}
	}
	if src, ok := netip.AddrFromSlice(r.Src); ok {
		base.Src = src.Unmap().String()
	}
	if len(r.MultiPath) == 0 {
		return []hop{base.towards(r.Gw, r.Via, names)}
	}
	var hops []hop
	for _, nh := range r.MultiPath {
		h := base
		h.index = nh.LinkIndex
		h.Onlink = nh.Flags&int(netlink.FLAG_ONLINK) != 0
		hops = append(hops, h.towards(nh.Gw, nh.Via, names))
	}
	return hops
}

// towards fills in a next hop. via is a gateway of the other family: IPv4 routes may
// have an IPv6 next hop (RTA_VIA).
func (h hop) towards(gw net.IP, via netlink.Destination, names map[int]string) hop {
	if v, isVia := via.(*netlink.Via); isVia {
		gw = v.Addr
	}
	h.Dev = names[h.index]
	if addr, ok := netip.AddrFromSlice(gw); ok && !addr.IsUnspecified() {
		h.gateway = addr.Unmap()
		h.Gateway = h.gateway.String()
	}
	return h
}

// DefaultGateways returns the next hops of the default routes of a family, the
// main table's before those of other tables, best metric first. Default routes that
// name no gateway are returned too, without Addr; those that refuse (unreachable,
// blackhole ...) are not.
func DefaultGateways(family string) ([]Gateway, error) {
	hops, err := routeHops()
	if err != nil {
		return nil, err
	}
	var list []Gateway
	for _, h := range hops {
		if h.Family != family || h.Dst != "default" || h.Type != "unicast" {
			continue
		}
		g := Gateway{Family: family, Addr: h.gateway, Dev: h.Dev, Index: h.index, Table: h.Table, Metric: h.metric, Onlink: h.Onlink}
		if g.Addr.Is6() && g.Addr.IsLinkLocalUnicast() {
			g.Addr = g.Addr.WithZone(g.Dev)
		}
		list = append(list, g)
	}
	slices.SortStableFunc(list, func(a, b Gateway) int {
		return cmp.Or(cmp.Compare(tableRank(a.Table), tableRank(b.Table)), cmp.Compare(a.Metric, b.Metric))
	})
	return list, nil
}

func tableRank(table int) int {
	if table == unix.RT_TABLE_MAIN {
		return 0
	}
	return table
}

// RouteTo asks the kernel which way it would send a packet to addr. The error wraps
// the kernel's errno: ENETUNREACH without a route, EHOSTUNREACH, EACCES or EINVAL
// for a route that refuses.
func RouteTo(addr netip.Addr) (RouteChoice, error) {
	addr = addr.Unmap()
	ip := net.IP(addr.AsSlice())
	opts := &netlink.RouteGetOptions{}
	if addr.Zone() != "" {
		opts.OifIndex = zoneIndex(addr)
	}
	routes, err := netlink.RouteGetWithOptions(ip, opts)
	if err != nil {
		return RouteChoice{}, fmt.Errorf("ask for the route to %s: %w", addr, err)
	}
	if len(routes) == 0 {
		return RouteChoice{}, fmt.Errorf("ask for the route to %s: the kernel gave none", addr)
	}
	r := routes[0]
	if t := r.Type; t != unix.RTN_UNICAST && t != unix.RTN_LOCAL {
		return RouteChoice{}, fmt.Errorf("the route to %s is of type %s: %w", addr, routeType(t), unix.ENETUNREACH)
	}
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return RouteChoice{}, fmt.Errorf("read the interface towards %s: %w", addr, err)
	}
	fact := linkFact(link)
	choice := RouteChoice{
		Route: hopsOf(r, map[int]string{fact.Index: fact.Name})[0].Route,
		Link:  fact,
		MTU:   fact.MTU,
		Local: r.Type == unix.RTN_LOCAL,
	}
	// The plain answer mixes the route's own mtu with a path MTU learned from ICMP.
	// The table's entry has only the former. Kernels before 4.13 do not know the flag,
	// then the learned one is not told apart.
	opts.FIBMatch = true
	if entries, err := netlink.RouteGetWithOptions(ip, opts); err == nil && len(entries) > 0 && entries[0].MTU > 0 {
		choice.MTU = min(choice.MTU, entries[0].MTU)
	}
	if addr.Is6() {
		// A router's advertisement may have lowered it for IPv6 alone (RFC 4861).
		if text, err := readSetting(os.DirFS(SysctlRoot), "net/ipv6/conf/"+fact.Name+"/mtu"); err == nil {
			if mtu, err := strconv.Atoi(text); err == nil && mtu > 0 {
				choice.MTU = min(choice.MTU, mtu)
			}
		}
	}
	if r.MTU > 0 && r.MTU < choice.MTU {
		choice.Cached = r.MTU
	}
	return choice, nil
}

// zoneIndex is the interface index of an address's zone, 0 when it has none or no
// such interface exists.
func zoneIndex(addr netip.Addr) int {
	if addr.Zone() == "" {
		return 0
	}
	link, err := netlink.LinkByName(addr.Zone())
	if err != nil {
		var index int
		_, _ = fmt.Sscanf(addr.Zone(), "%d", &index)
		return index
	}
	return link.Attrs().Index
}

package netsys

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// What the kernel does with a pod's packet: its routes, refusals of policy rules and
// routes, and the cases in which it gives no answer.
func TestForward(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	node, pod, wire := netnstest.Here(t), netnstest.New(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: node, Name: "bridge", Addrs: []string{"10.9.1.1/24", "fd00:9:1::1/64"}},
		netnstest.End{NS: pod, Name: "eth0", Addrs: []string{"10.9.1.2/24", "fd00:9:1::2/64"}})
	netnstest.Join(t,
		netnstest.End{NS: node, Name: "eth0", Addrs: []string{"192.0.2.1/24", "fd00:aa::1/64"}},
		netnstest.End{NS: wire, Name: "eth0", Addrs: []string{"192.0.2.2/24", "fd00:aa::2/64"}})
	node.Route(t, "10.9.2.0/24", "192.0.2.2", "")
	node.Route(t, "fd00:9:2::/64", "fd00:aa::2", "")
	bridge, err := netlink.LinkByName("bridge")
	if err != nil {
		t.Fatal(err)
	}
	index := bridge.Attrs().Index
	src, dst := netip.MustParseAddr("10.9.1.2"), netip.MustParseAddr("10.9.2.2")

	node.Set(t, "net/ipv4/ip_forward", "0")
	if f, ok := Forward(src, dst, index); ok {
		t.Errorf("with forwarding off: %+v", f)
	}
	node.Set(t, "net/ipv4/ip_forward", "1")
	node.Set(t, "net/ipv6/conf/all/forwarding", "1")
	for _, pair := range [][2]netip.Addr{{src, dst}, {netip.MustParseAddr("fd00:9:1::2"), netip.MustParseAddr("fd00:9:2::2")}} {
		f, ok := Forward(pair[0], pair[1], index)
		if !ok || f.Refused != "" || f.Route == nil || f.Route.Dev != "eth0" || f.Route.Type != "unicast" || f.Route.Table != unix.RT_TABLE_MAIN {
			t.Errorf("to %s: %+v %+v, %t", pair[1], f, f.Route, ok)
		}
	}
	for kind, word := range map[uint8]string{unix.FR_ACT_BLACKHOLE: "blackhole", unix.FR_ACT_PROHIBIT: "prohibit", unix.FR_ACT_UNREACHABLE: "unreachable"} {
		rule := netlink.NewRule()
		rule.Dst, rule.Priority, rule.Type = &net.IPNet{IP: net.IPv4(10, 9, 2, 0), Mask: net.CIDRMask(24, 32)}, 100, kind
		if err := netlink.RuleAdd(rule); err != nil {
			t.Fatal(err)
		}
		if f, ok := Forward(src, dst, index); !ok || f.Refused != word {
			t.Errorf("a rule that says %s: %+v, %t", word, f, ok)
		}
		if err := netlink.RuleDel(rule); err != nil {
			t.Fatal(err)
		}
	}
	node.Set(t, "net/ipv4/conf/bridge/rp_filter", "1")
	if f, ok := Forward(netip.MustParseAddr("10.9.2.9"), dst, index); ok {
		t.Errorf("a source that comes from elsewhere: %+v", f)
	}
}

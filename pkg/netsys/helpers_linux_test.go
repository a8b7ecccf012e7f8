package netsys

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
)

func routeWithMTU(t *testing.T, dst, gw string, index, mtu int) *netlink.Route {
	t.Helper()
	_, prefix, err := net.ParseCIDR(dst)
	if err != nil {
		t.Fatal(err)
	}
	return &netlink.Route{Dst: prefix, Gw: net.ParseIP(gw), LinkIndex: index, MTU: mtu}
}

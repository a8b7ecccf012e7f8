//go:build linux

package underlay

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// Free returns an error if this machine has an address in the underlay's networks,
// other than a running cluster's own: its traffic with that network would go to the
// cluster instead.
func Free(dual bool) error {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list this machine's addresses: %w", err)
	}
	for _, wanted := range prefixes(both(dual, topology.MachineIP, topology.MachineIP6)...) {
		for _, address := range addresses {
			taken, err := netip.ParsePrefix(address.IPNet.String())
			if err != nil || !taken.Overlaps(wanted) {
				continue
			}
			link, err := netlink.LinkByIndex(address.LinkIndex)
			if err != nil {
				continue // gone since, and the address with it
			}
			if name := link.Attrs().Name; name != topology.MachineLink {
				return fmt.Errorf("the cluster's network %s is in use on this machine: %s has %s; remove one of them first",
					wanted.Masked(), name, taken)
			}
		}
	}
	return nil
}

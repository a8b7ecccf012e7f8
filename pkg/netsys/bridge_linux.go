package netsys

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// portStates are those of a bridge's port (include/uapi/linux/if_bridge.h, BR_STATE_*).
var portStates = []string{"disabled", "listening", "learning", "forwarding", "blocking"}

// BridgeLinks is Links with what bridges know of their ports: hairpin mode, isolation and state
// (RTM_GETLINK of family AF_BRIDGE, attribute IFLA_PROTINFO).
func BridgeLinks() ([]facts.Link, error) {
	links, err := Links()
	if err != nil {
		return nil, err
	}
	messages, err := dumpRaw(unix.NETLINK_ROUTE, func() *nl.NetlinkRequest {
		request := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		request.AddData(nl.NewIfInfomsg(unix.AF_BRIDGE))
		return request
	}, unix.RTM_NEWLINK)
	if err != nil {
		return nil, fmt.Errorf("list the ports of bridges: %w", err)
	}
	ports := map[int]attributes{}
	for _, m := range messages {
		if len(m) < unix.SizeofIfInfomsg {
			continue
		}
		if port := attributesOf(m, unix.SizeofIfInfomsg).nest(unix.IFLA_PROTINFO); port != nil {
			ports[int(nl.DeserializeIfInfomsg(m).Index)] = port
		}
	}
	for i := range links {
		port, isPort := ports[links[i].Index]
		if !isPort || port[nl.IFLA_BRPORT_MODE] == nil {
			continue
		}
		hairpin := port.u8(nl.IFLA_BRPORT_MODE) != 0
		links[i].Hairpin = &hairpin
		links[i].Isolated = port[nl.IFLA_BRPORT_ISOLATED] != nil && port.u8(nl.IFLA_BRPORT_ISOLATED) != 0
		if state := int(port.u8(nl.IFLA_BRPORT_STATE)); state < len(portStates) {
			links[i].PortState = portStates[state]
		}
	}
	return links, nil
}

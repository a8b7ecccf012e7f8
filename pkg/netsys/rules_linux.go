package netsys

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// ruleActions are the FR_ACT_* of include/uapi/linux/fib_rules.h.
var ruleActions = map[uint8]string{1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

// Rules returns the policy routing rules of both families in the order in which the
// kernel asks them.
func Rules() ([]facts.Rule, error) {
	var list []facts.Rule
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		messages, err := dumpRaw(unix.NETLINK_ROUTE, func() *nl.NetlinkRequest {
			request := nl.NewNetlinkRequest(unix.RTM_GETRULE, unix.NLM_F_DUMP)
			request.AddData(nl.NewIfInfomsg(family))
			return request
		}, unix.RTM_NEWRULE)
		if err != nil {
			return nil, fmt.Errorf("list routing rules: %w", err)
		}
		for _, m := range messages {
			if rule, ok := parseRule(m); ok {
				list = append(list, rule)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b facts.Rule) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Priority, b.Priority))
	})
	return bound(list), nil
}

// parseRule is pure: one RTM_NEWRULE message, whose header is a struct fib_rule_hdr:
// family, destination and source length, tos, table, two reserved bytes, action, flags.
func parseRule(message []byte) (facts.Rule, bool) {
	const size, invert = 12, 2 // FIB_RULE_INVERT
	if len(message) < size {
		return facts.Rule{}, false
	}
	as := attributesOf(message, size)
	rule := facts.Rule{
		Family:   IPv6,
		Priority: int(as.u32(nl.FRA_PRIORITY)),
		Table:    int(message[4]),
		Src:      prefixText(as[nl.FRA_SRC], message[2]),
		Dst:      prefixText(as[nl.FRA_DST], message[1]),
		Iif:      as.text(nl.FRA_IIFNAME),
		Oif:      as.text(nl.FRA_OIFNAME),
		Mark:     as.u32(nl.FRA_FWMARK),
		Mask:     as.u32(nl.FRA_FWMASK),
		Invert:   message[8]&invert != 0,
		Suppress: -1,
	}
	if message[0] == unix.AF_INET {
		rule.Family = IPv4
	}
	if as[unix.RTA_TABLE] != nil {
		rule.Table = int(as.u32(unix.RTA_TABLE))
	}
	if as[nl.FRA_SUPPRESS_PREFIXLEN] != nil {
		rule.Suppress = int(int32(as.u32(nl.FRA_SUPPRESS_PREFIXLEN)))
	}
	var known bool
	if rule.Action, known = ruleActions[message[7]]; !known {
		rule.Action = fmt.Sprintf("action %d", message[7])
	}
	return rule, true
}

func prefixText(addr []byte, bits uint8) string {
	a, _ := netip.AddrFromSlice(addr)
	if p := netip.PrefixFrom(a, int(bits)); p.IsValid() {
		return p.String()
	}
	return ""
}

package netsys

import (
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Of include/uapi/linux/netfilter/nf_tables.h.
const (
	nftNewRule            = 6 // NFT_MSG_NEWRULE
	nftGetRule            = 7
	nftaChainHook         = 4
	nftaChainPolicy       = 5
	nftaChainCounters     = 8
	nftaHookNumber        = 1
	nftaHookDevice        = 3
	nftaHookDevices       = 4
	nftaDeviceName        = 1
	nftaRuleTable         = 1
	nftaRuleChain         = 2
	nftaRuleHandle        = 3
	nftaRuleExpressions   = 4
	nftaExprName          = 1
	nftaExprData          = 2
	nftaCounterPackets    = 2
	nftaImmediateRegister = 1
	nftaImmediateData     = 2
	nftaDataVerdict       = 2
	nftaVerdictCode       = 1
	nftaVerdictChain      = 2
	nftaTargetName        = 1
	nftJump, nftGoto      = -3, -4
	nfDrop                = 0
)

// maxDrops bounds the rules that are kept; a node's packet filter may hold many
// thousands, of which few drop.
const maxDrops = 512

// filterFamilies are the families of nftables whose rules may drop a pod's packet.
var filterFamilies = map[byte]string{unix.AF_INET: "ip", unix.AF_INET6: "ip6", 1: "inet", 5: "netdev", 7: "bridge"}

var (
	hookNames   = []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	netdevHooks = []string{"ingress", "egress"}
)

// chainKey names a chain: chains of different tables may have the same name.
type chainKey struct{ family, table, chain string }

// FilterDrops lists the rules of nftables that drop or reject, iptables-nft's among
// them, and the base chains whose policy drops, with the counters of those that count.
// Rules that leave the verdict to a map or an extension are not seen; those of the old
// iptables are LegacyDrops. It needs NET_ADMIN.
func FilterDrops() ([]facts.Drop, error) {
	chains, err := nftDump(nftGetChain, nftNewChain)
	if err != nil {
		return nil, fmt.Errorf("list nftables' chains: %w", err)
	}
	rules, err := nftDump(nftGetRule, nftNewRule)
	if err != nil {
		return nil, fmt.Errorf("list nftables' rules: %w", err)
	}
	return filterDrops(chains, rules), nil
}

// filterDrops is pure: the messages of chains and of rules, none shorter than its header.
func filterDrops(chains, rules [][]byte) []facts.Drop {
	hooks, devices := map[chainKey]string{}, map[chainKey]string{}
	var drops []facts.Drop
	for _, m := range chains {
		family, as := filterFamilies[m[0]], attributesOf(m, sizeofNfgenmsg)
		key := chainKey{family, as.text(nftaChainTable), as.text(nftaChainName)}
		if family == "" || as[nftaChainHook] == nil {
			continue
		}
		hook := as.nest(nftaChainHook)
		hooks[key], devices[key] = hookName(family, hook.be32(nftaHookNumber)), hookDevice(hook)
		if as[nftaChainPolicy] != nil && as.be32(nftaChainPolicy) == nfDrop && len(drops) < maxDrops {
			drops = append(drops, facts.Drop{
				Family: family, Table: key.table, Chain: key.chain, Verdict: "drop", Policy: true,
				Packets: packetsOf(as.nest(nftaChainCounters)),
			})
		}
	}
	jumps := map[chainKey][]chainKey{}
	for _, m := range rules {
		family, as := filterFamilies[m[0]], attributesOf(m, sizeofNfgenmsg)
		if family == "" {
			continue
		}
		key := chainKey{family, as.text(nftaRuleTable), as.text(nftaRuleChain)}
		verdict, to, packets, match := verdictOf(family, as[nftaRuleExpressions])
		if to != "" {
			jumps[key] = append(jumps[key], chainKey{family, key.table, to})
		}
		if verdict != "" && len(drops) < maxDrops {
			if _, base := hooks[key]; !base {
				addOther(&match, "the jump to "+key.chain)
			}
			switch hooks[key] { // only those of a device know one
			case "ingress":
				match.In = cmp.Or(match.In, devices[key])
			case "egress":
				match.Out = cmp.Or(match.Out, devices[key])
			}
			drops = append(drops, facts.Drop{
				Family: family, Table: key.table, Chain: key.chain, Handle: as.be64(nftaRuleHandle), Verdict: verdict, Packets: packets, Match: &match,
			})
		}
	}
	spreadHooks(hooks, jumps)
	for i, d := range drops {
		drops[i].Hook = hooks[chainKey{d.Family, d.Table, d.Chain}]
	}
	return drops
}

func hookName(family string, number uint32) string {
	names := hookNames
	if family == "netdev" {
		names = netdevHooks
	}
	if int(number) < len(names) {
		return names[number]
	}
	return fmt.Sprintf("hook %d", number)
}

// spreadHooks gives chains without a hook that of the base chain they are reached from;
// one that is reached from several keeps the one that was found first, or "several".
func spreadHooks(hooks map[chainKey]string, jumps map[chainKey][]chainKey) {
	reached := make([]chainKey, 0, len(hooks))
	for key := range hooks {
		reached = append(reached, key)
	}
	for i := 0; i < len(reached); i++ {
		from := reached[i]
		for _, to := range jumps[from] {
			switch had, known := hooks[to]; {
			case !known:
				hooks[to] = hooks[from]
			case had == hooks[from] || had == severalHooks:
				continue
			default:
				hooks[to] = severalHooks
			}
			reached = append(reached, to)
		}
	}
}

const severalHooks = "several"

// hookDevice is the device that a base chain is for, "" when it is for several or for
// all of them.
func hookDevice(hook attributes) string {
	if hook[nftaHookDevice] != nil {
		return hook.text(nftaHookDevice)
	}
	list, err := attributeList(hook[nftaHookDevices])
	if err != nil || len(list) != 1 || list[0].Attr.Type&^unix.NLA_F_NESTED != nftaDeviceName {
		return ""
	}
	name, _, _ := strings.Cut(string(list[0].Value), "\x00")
	return name
}

// verdictOf is what the expressions of a rule lead to: drop, reject, or "" with the
// chain that they jump to, if any; how many packets got as far as its counter, and what
// the rule asks of a packet.
func verdictOf(family string, expressions []byte) (verdict, jump string, packets *uint64, match facts.Match) {
	list, err := attributeList(expressions)
	if err != nil {
		return "", "", nil, match
	}
	m := newMatcher(family)
	for _, element := range list {
		expr := attributesOf(element.Value, 0)
		data := expr.nest(nftaExprData)
		switch name := expr.text(nftaExprName); name {
		case "counter":
			packets = packetsOf(data)
		case "reject":
			verdict = "reject"
		case "target":
			if data.text(nftaTargetName) == "REJECT" {
				verdict = "reject"
			}
		case "immediate":
			if data.be32(nftaImmediateRegister) != 0 {
				continue // not the verdict, but a value
			}
			code := data.nest(nftaImmediateData).nest(nftaDataVerdict)
			if code[nftaVerdictCode] == nil {
				continue
			}
			switch int32(code.be32(nftaVerdictCode)) {
			case nfDrop:
				verdict = "drop"
			case nftJump, nftGoto:
				jump = code.text(nftaVerdictChain)
			}
		default:
			m.expression(name, data)
		}
	}
	return verdict, jump, packets, m.match
}

func packetsOf(counter attributes) *uint64 {
	if counter[nftaCounterPackets] == nil {
		return nil
	}
	n := counter.be64(nftaCounterPackets)
	return &n
}

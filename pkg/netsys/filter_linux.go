package netsys

import (
	"cmp"
	"fmt"
	"net/netip"
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
// Of large sets that they ask, it tells what is about the addresses given. Rules that
// leave the verdict to an extension are not seen; those of the old iptables are
// LegacyDrops. It needs NET_ADMIN.
func FilterDrops(about []netip.Addr) ([]facts.Drop, error) {
	return readDrops(kernelSets(), about)
}

// CountedDrops is FilterDrops for who wants the counters only: no set is read.
func CountedDrops() ([]facts.Drop, error) { return readDrops(noSets, nil) }

func readDrops(sets filterSets, about []netip.Addr) ([]facts.Drop, error) {
	chains, err := nftDump(nftGetChain, nftNewChain)
	if err != nil {
		return nil, fmt.Errorf("list nftables' chains: %w", err)
	}
	rules, err := nftDump(nftGetRule, nftNewRule)
	if err != nil {
		return nil, fmt.Errorf("list nftables' rules: %w", err)
	}
	return filterDrops(chains, rules, sets, about), nil
}

// filterDrops is pure but for the sets: the messages of chains and of rules, none shorter
// than its header.
func filterDrops(chains, rules [][]byte, sets filterSets, about []netip.Addr) []facts.Drop {
	devices, ways := map[chainKey]string{}, newFilterWays()
	var drops []facts.Drop
	for _, m := range chains {
		family, as := filterFamilies[m[0]], attributesOf(m, sizeofNfgenmsg)
		key := chainKey{family, as.text(nftaChainTable), as.text(nftaChainName)}
		if family == "" || as[nftaChainHook] == nil {
			continue
		}
		hook := as.nest(nftaChainHook)
		ways.hooks[key], devices[key] = hookName(family, hook.be32(nftaHookNumber)), hookDevice(hook)
		if as[nftaChainPolicy] != nil && as.be32(nftaChainPolicy) == nfDrop && len(drops) < maxDrops {
			drops = append(drops, facts.Drop{
				Family: family, Table: key.table, Chain: key.chain, Verdict: "drop", Policy: true,
				Packets: packetsOf(as.nest(nftaChainCounters)),
			})
		}
	}
	for _, m := range rules {
		family, as := filterFamilies[m[0]], attributesOf(m, sizeofNfgenmsg)
		if family == "" {
			continue
		}
		key := chainKey{family, as.text(nftaRuleTable), as.text(nftaRuleChain)}
		known := sets
		if key.table == proxyTable {
			known = noSets // whose maps may be large, and whose rules are looked at elsewhere
		}
		of := outcomesOf(key, as[nftaRuleExpressions], known, about)
		for _, o := range of {
			if o.verdict == "" || len(drops) == maxDrops {
				continue
			}
			switch ways.hooks[key] { // only those of a device know one
			case "ingress":
				o.match.In = cmp.Or(o.match.In, devices[key])
			case "egress":
				o.match.Out = cmp.Or(o.match.Out, devices[key])
			}
			d := facts.Drop{Family: family, Table: key.table, Chain: key.chain, Handle: as.be64(nftaRuleHandle), Verdict: o.verdict, Packets: o.packets, Match: &o.match}
			ways.before(key, &d)
			drops = append(drops, d)
		}
		for _, o := range of {
			switch {
			case o.to != "":
				ways.jump(key, chainKey{family, key.table, o.to}, o.match)
			case o.passes:
				ways.pass(key, o.match)
			}
		}
	}
	ways.finish(drops)
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

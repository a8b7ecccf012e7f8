package netsys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/netfilter: nfnetlink's numbers for nftables.
const (
	nftSubsystem   = 10 // NFNL_SUBSYS_NFTABLES
	nftNewTable    = 0  // NFT_MSG_NEWTABLE
	nftGetTable    = 1
	nftNewChain    = 3
	nftGetChain    = 4
	nftaTableName  = 1
	nftaChainTable = 1
	nftaChainName  = 3
	proxyTable     = "kube-proxy"    // k/k pkg/proxy/nftables/proxier.go, kubeProxyTable
	proxyChain     = "KUBE-SERVICES" // k/k pkg/proxy/iptables/proxier.go, kubeServicesChain
	proxyIPVS      = "kube-ipvs0"    // k/k pkg/proxy/ipvs/proxier.go, defaultDummyDevice
)

// nftFamilies are the families of nftables that kube-proxies use.
var nftFamilies = map[byte]string{unix.AF_INET: "ip", unix.AF_INET6: "ip6", 1: "inet"}

// ProxyRules says where rules that only a kube-proxy makes are in this namespace, as
// facts.Proxy.Rules has them. It needs NET_ADMIN; the error says what could not be
// looked at, and what was found elsewhere is returned with it.
func ProxyRules() ([]string, error) {
	found, err := nftProxyRules()
	legacy, legacyErr := legacyProxyRules()
	found = append(found, legacy...)
	for _, name := range linkNames() {
		if name == proxyIPVS {
			found = append(found, "ipvs "+proxyIPVS)
		}
	}
	slices.Sort(found)
	return found, errors.Join(err, legacyErr)
}

// nftProxyRules looks through the tables and chains of nftables, of which iptables-nft
// makes use too.
func nftProxyRules() ([]string, error) {
	var found []string
	tables, err := nftDump(nftGetTable, nftNewTable)
	if err != nil {
		return nil, fmt.Errorf("list nftables' tables: %w", err)
	}
	for _, m := range tables {
		if family := nftFamilies[m[0]]; family != "" && attributesOf(m, sizeofNfgenmsg).text(nftaTableName) == proxyTable {
			found = append(found, "nftables "+family+" "+proxyTable)
		}
	}
	chains, err := nftDump(nftGetChain, nftNewChain)
	if err != nil {
		return found, fmt.Errorf("list nftables' chains: %w", err)
	}
	for _, m := range chains {
		as := attributesOf(m, sizeofNfgenmsg)
		if family := nftFamilies[m[0]]; family != "" && as.text(nftaChainTable) == legacyNAT && as.text(nftaChainName) == proxyChain {
			found = append(found, "iptables-nft "+family+" "+proxyChain)
		}
	}
	return found, nil
}

// nftDump dumps the objects of nftables of all families; without nftables in the
// kernel there are none.
func nftDump(get, reply int) ([][]byte, error) {
	messages, err := dumpRaw(unix.NETLINK_NETFILTER, func() *nl.NetlinkRequest {
		request := nl.NewNetlinkRequest(nftSubsystem<<8|get, unix.NLM_F_DUMP)
		request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
		return request
	}, uint16(nftSubsystem<<8|reply))
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return slices.DeleteFunc(messages, func(m []byte) bool { return len(m) < sizeofNfgenmsg }), err
}

// legacyProxyRules looks for kube-proxy's chain in the tables of the old iptables. Only
// tables that exist are read: to ask for another would create it.
func legacyProxyRules() ([]string, error) {
	var found []string
	var failed error
	for _, f := range legacyFamilies {
		names, err := f.tables()
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if !slices.Contains(names, legacyNAT) {
			continue
		}
		_, table, err := f.read(legacyNAT, true)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("read the nat table of the old iptables: %w", err))
			continue
		}
		// A chain's name is in the entry that heads it, ended by a zero byte.
		if bytes.Contains(table, []byte("\x00"+proxyChain+"\x00")) {
			found = append(found, "iptables-legacy "+f.family+" "+proxyChain)
		}
	}
	return found, failed
}

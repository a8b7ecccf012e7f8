package netsys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/netfilter: nfnetlink's numbers for nftables.
const (
	nftSubsystem    = 10 // NFNL_SUBSYS_NFTABLES
	nftNewTable     = 0  // NFT_MSG_NEWTABLE
	nftGetTable     = 1
	nftNewChain     = 3
	nftGetChain     = 4
	nftaTableName   = 1
	nftaChainTable  = 1
	nftaChainName   = 3
	proxyTable      = "kube-proxy"    // k/k pkg/proxy/nftables/proxier.go, kubeProxyTable
	proxyChain      = "KUBE-SERVICES" // k/k pkg/proxy/iptables/proxier.go, kubeServicesChain
	proxyIPVS       = "kube-ipvs0"    // k/k pkg/proxy/ipvs/proxier.go, defaultDummyDevice
	maxLegacyTable  = 8 << 20
	soGetInfo       = 64 // IPT_SO_GET_INFO and IP6T_SO_GET_INFO
	soGetEntries    = 65
	legacyTableName = "nat"
)

// nftFamilies are the families of nftables that kube-proxies use.
var nftFamilies = map[byte]string{unix.AF_INET: "ip", unix.AF_INET6: "ip6", 1: "inet"}

// ProxyRules says where rules that only a kube-proxy makes are in this namespace, as
// facts.Proxy.Rules has them. It needs NET_ADMIN for nftables and both NET_ADMIN and
// NET_RAW for the old iptables; the error says what could not be looked at, and what
// was found elsewhere is returned with it.
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
		if family := nftFamilies[m[0]]; family != "" && as.text(nftaChainTable) == legacyTableName && as.text(nftaChainName) == proxyChain {
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
	for _, f := range []struct {
		names, family string
		domain, level int
	}{
		{"ip_tables_names", "ip", unix.AF_INET, unix.IPPROTO_IP},
		{"ip6_tables_names", "ip6", unix.AF_INET6, unix.IPPROTO_IPV6},
	} {
		names, err := os.ReadFile(ProcNet + "/" + f.names)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			failed = errors.Join(failed, err)
			continue
		}
		if !slices.Contains(strings.Fields(string(names)), legacyTableName) {
			continue
		}
		table, err := legacyTable(f.domain, f.level)
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

// legacyTable reads the nat table as the kernel has it: IPT_SO_GET_INFO tells its size,
// IPT_SO_GET_ENTRIES copies it (net/ipv4/netfilter/ip_tables.c).
func legacyTable(domain, level int) ([]byte, error) {
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	// struct ipt_getinfo: a name of 32 bytes, 12 numbers of 32 bits, of which the last
	// two are the number of entries and their size.
	const nameSize, infoSize, sizeAt = 32, 84, 80
	info := make([]byte, infoSize)
	copy(info, legacyTableName)
	if err := getsockopt(fd, level, soGetInfo, info); err != nil {
		return nil, err
	}
	size := binary.NativeEndian.Uint32(info[sizeAt:])
	if size > maxLegacyTable {
		return nil, fmt.Errorf("%d bytes are more than the probe reads", size)
	}
	// struct ipt_get_entries: the name, the size, and padding to eight bytes.
	const entriesAt = 40
	entries := make([]byte, entriesAt+int(size))
	copy(entries, legacyTableName)
	binary.NativeEndian.PutUint32(entries[nameSize:], size)
	if err := getsockopt(fd, level, soGetEntries, entries); err != nil {
		return nil, err
	}
	return entries[entriesAt:], nil
}

// getsockopt is the system call with a buffer of any layout, which x/sys does not offer.
func getsockopt(fd, level, option int, buf []byte) error {
	size := uint32(len(buf))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0) //nolint:gosec // two buffers of ours, kept alive below
	runtime.KeepAlive(buf)
	if errno != 0 {
		return errno
	}
	return nil
}

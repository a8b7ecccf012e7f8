package netsys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxLegacyTable bounds a table in bytes, maxLegacyTables their number.
	maxLegacyTable  = 8 << 20
	maxLegacyTables = 16
	soGetInfo       = 64 // IPT_SO_GET_INFO and IP6T_SO_GET_INFO
	soGetEntries    = 65
	legacyNAT       = "nat"
)

// legacyFamily is the old iptables of one address family: the file that names its
// tables, how they are asked for, and how its entries are laid out.
type legacyFamily struct {
	family, names string
	domain, level int
	layout        legacyLayout
}

var legacyFamilies = []legacyFamily{
	{family: "ip", names: "ip_tables_names", domain: unix.AF_INET, level: unix.IPPROTO_IP, layout: legacyIPv4},
	{family: "ip6", names: "ip6_tables_names", domain: unix.AF_INET6, level: unix.IPPROTO_IPV6, layout: legacyIPv6},
}

// LegacyDrops lists the rules of the old iptables (x_tables) that drop or reject, and
// the policies that do, with their counters. A kernel without it has none. It needs
// NET_ADMIN; the error says what could not be read, and what could is returned with it.
func LegacyDrops() (LegacyFilter, error) {
	var found LegacyFilter
	var failed error
	for _, f := range legacyFamilies {
		names, err := f.tables()
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		for _, name := range names {
			// Nothing is dropped in the nat table, which may be large: it is only counted.
			info, table, err := f.read(name, name != legacyNAT)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("read the %s table of the old iptables: %w", name, err))
			}
			if info != nil && info.held() > 0 && !slices.Contains(found.Tables, name) {
				found.Tables = append(found.Tables, name)
			}
			found.Drops = append(found.Drops, legacyDrops(f, name, info, table)...)
		}
	}
	slices.Sort(found.Tables)
	found.Drops = found.Drops[:min(len(found.Drops), maxDrops)]
	return found, failed
}

// tables are the names of those that exist; to ask the kernel for another would create it.
func (f legacyFamily) tables() ([]string, error) {
	text, err := os.ReadFile(ProcNet + "/" + f.names)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := strings.Fields(string(text))
	return names[:min(len(names), maxLegacyTables)], err
}

// legacyInfo is a struct ipt_getinfo: a name of 32 bytes, then numbers of 32 bits: the
// hooks that are used, where the chain of each begins, where its policy is, the number
// of entries and their size.
type legacyInfo []byte

const (
	legacyNameSize  = 32
	legacyInfoSize  = 84
	legacyEntriesAt = 40 // in struct ipt_get_entries: the name, the size, and padding
	legacyHooks     = 5  // NF_INET_NUMHOOKS
)

func (i legacyInfo) number(n int) uint32   { return binary.NativeEndian.Uint32(i[legacyNameSize+4*n:]) }
func (i legacyInfo) used(hook int) bool    { return i.number(0)&(1<<hook) != 0 }
func (i legacyInfo) begin(hook int) uint32 { return i.number(1 + hook) }
func (i legacyInfo) policy(hook int) uint32 {
	return i.number(1 + legacyHooks + hook)
}
func (i legacyInfo) entries() uint32 { return i.number(1 + 2*legacyHooks) }
func (i legacyInfo) size() uint32    { return i.number(2 + 2*legacyHooks) }

// held is how many entries are not those of an empty table: a policy for each hook, and
// one that ends it.
func (i legacyInfo) held() int { return int(i.entries()) - bits.OnesCount32(i.number(0)) - 1 }

// read copies a table as the kernel has it: IPT_SO_GET_INFO tells its size,
// IPT_SO_GET_ENTRIES copies it, its counters summed up over all processors
// (net/ipv4/netfilter/ip_tables.c). Any socket of the family will do.
// Entries are those of the whole table, or none.
func (f legacyFamily) read(name string, whole bool) (info legacyInfo, entries []byte, err error) {
	fd, err := unix.Socket(f.domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	info = make([]byte, legacyInfoSize)
	copy(info[:legacyNameSize-1], name)
	if err := getsockopt(fd, f.level, soGetInfo, info); err != nil {
		return nil, nil, err
	}
	size := info.size()
	if !whole {
		return info, nil, nil
	}
	if size > maxLegacyTable {
		return info, nil, fmt.Errorf("%d bytes are more than the probe reads", size)
	}
	entries = make([]byte, legacyEntriesAt+int(size))
	copy(entries[:legacyNameSize-1], name)
	binary.NativeEndian.PutUint32(entries[legacyNameSize:], size)
	if err := getsockopt(fd, f.level, soGetEntries, entries); err != nil {
		return info, nil, err // EAGAIN: another size by now
	}
	return info, entries[legacyEntriesAt:], nil
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

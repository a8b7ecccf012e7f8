package netsys

import (
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxStats bounds the counters of a driver that are looked at; large network cards with
// many queues have thousands.
const maxStats = 8192

// ethSSStats is ETH_SS_STATS of include/uapi/linux/ethtool.h.
const ethSSStats = 1

// ethStringLen is ETH_GSTRING_LEN of the same.
const ethStringLen = 32

// xdpDrops is how many packets XDP dropped in an interface's driver, where that counts
// them: for every queue, or for all, in counters with names of its own (ethtool -S).
func xdpDrops(name string) (uint64, bool) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	// struct ethtool_sset_info, with room for the one number that was asked for.
	count := &struct {
		cmd, _ uint32
		mask   uint64
		n      [2]uint32
	}{cmd: unix.ETHTOOL_GSSET_INFO, mask: 1 << ethSSStats}
	if !ethtool(fd, name, unsafe.Pointer(count)) || count.mask == 0 || count.n[0] == 0 || count.n[0] > maxStats { //nolint:gosec // structs of ours
		return 0, false
	}
	// The kernel writes as many as there are, whatever it is told of the room for them.
	names := &struct {
		cmd, set, n uint32
		text        [maxStats][ethStringLen]byte
	}{cmd: unix.ETHTOOL_GSTRINGS, set: ethSSStats, n: count.n[0]}
	values := &struct {
		cmd, n uint32
		value  [maxStats]uint64
	}{cmd: unix.ETHTOOL_GSTATS, n: count.n[0]}
	if !ethtool(fd, name, unsafe.Pointer(names)) || !ethtool(fd, name, unsafe.Pointer(values)) { //nolint:gosec // structs of ours
		return 0, false
	}
	known := map[string]uint64{}
	for i := range min(names.n, values.n, maxStats) {
		text, _, _ := strings.Cut(string(names.text[i][:]), "\x00")
		known[text] = values.value[i]
	}
	return sumXDPDrops(known)
}

// sumXDPDrops is the sum over the queues, or the counter of all of them where there is
// one: mlx5 has both.
func sumXDPDrops(counters map[string]uint64) (sum uint64, found bool) {
	for name, n := range counters {
		if !strings.Contains(name, "xdp_drop") {
			continue
		}
		if !strings.ContainsAny(name, "0123456789") {
			return n, true
		}
		sum, found = sum+n, true
	}
	return sum, found
}

// ethtool sends one command of SIOCETHTOOL; value begins with it, and takes the answer.
func ethtool(fd int, name string, value unsafe.Pointer) bool {
	request := &struct {
		name  [unix.IFNAMSIZ]byte
		value unsafe.Pointer
		_     [24]byte
	}{value: value}
	if len(name) >= len(request.name) {
		return false
	}
	copy(request.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(request))) //nolint:gosec // structs of ours, kept alive below
	runtime.KeepAlive(request)
	return errno == 0
}

package netsys

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// ethtoolValue is struct ethtool_value of include/uapi/linux/ethtool.h: the command goes
// in, its answer comes back in data.
type ethtoolValue struct{ cmd, data uint32 }

// ethtoolRequest is struct ifreq with a pointer in its union, which x/sys does not
// offer for these commands. The kernel copies the whole of it, so it must not be shorter.
type ethtoolRequest struct {
	name  [unix.IFNAMSIZ]byte
	value *ethtoolValue
	_     [24]byte
}

// Offload returns what an interface of this network namespace leaves to its driver: the
// legacy commands of SIOCETHTOOL, which need no capability (net/ethtool/ioctl.c,
// dev_ethtool). Errors wrap the errno: ENODEV for an interface that is gone.
func Offload(name string) (*facts.Offload, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket to ask of %s: %w", name, err)
	}
	defer unix.Close(fd)
	var o facts.Offload
	for _, q := range []struct {
		what string
		cmd  uint32
		into *bool
	}{
		{"tx checksumming", unix.ETHTOOL_GTXCSUM, &o.TxChecksum},
		{"rx checksumming", unix.ETHTOOL_GRXCSUM, &o.RxChecksum},
		{"TCP segmentation", unix.ETHTOOL_GTSO, &o.TSO},
		{"segmentation", unix.ETHTOOL_GGSO, &o.GSO},
		{"receive aggregation", unix.ETHTOOL_GGRO, &o.GRO},
	} {
		if *q.into, err = ethtoolFlag(fd, name, q.cmd); err != nil {
			return nil, fmt.Errorf("ask %s for its %s: %w", name, q.what, err)
		}
	}
	return &o, nil
}

// ethtoolFlag asks for one setting that is on or off.
func ethtoolFlag(fd int, name string, cmd uint32) (bool, error) {
	value := &ethtoolValue{cmd: cmd}
	request := &ethtoolRequest{value: value}
	if len(name) >= len(request.name) {
		return false, unix.EINVAL
	}
	copy(request.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(request))) //nolint:gosec // structs of ours, kept alive below
	runtime.KeepAlive(request)
	if errno != 0 {
		return false, errno
	}
	return value.data != 0, nil
}

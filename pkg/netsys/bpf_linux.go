package netsys

import (
	"bytes"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxPrograms is how many programs one place can have (include/linux/bpf_mprog.h,
// BPF_MPROG_MAX).
const maxPrograms = 64

// bpfQuery is what BPF_PROG_QUERY takes (union bpf_attr of include/uapi/linux/bpf.h).
type bpfQuery struct {
	ifindex, attachType, queryFlags, attachFlags uint32
	programs                                     *[maxPrograms]uint32
	count                                        uint32
	_                                            uint32
	_                                            [3]uint64 // flags and links, which are not asked for
	_                                            uint64    // revision
}

// programsAt are the numbers of the programs at one place of an interface. It takes
// NET_ADMIN, and a seccomp profile which allows bpf(2): the runtimes' own ones do so only
// for a container with CAP_BPF or CAP_SYS_ADMIN.
func programsAt(ifindex int, attachType uint32) ([]uint32, error) {
	var ids [maxPrograms]uint32
	q := &bpfQuery{ifindex: uint32(ifindex), attachType: attachType, programs: &ids, count: maxPrograms}
	if _, err := bpf(unix.BPF_PROG_QUERY, unsafe.Pointer(q), unsafe.Sizeof(*q)); err != nil { //nolint:gosec // a struct of ours, kept alive
		return nil, err
	}
	runtime.KeepAlive(q)
	return ids[:min(q.count, maxPrograms)], nil
}

// bpfInfo is what BPF_OBJ_GET_INFO_BY_FD takes, and programInfo the beginning of what it
// says (struct bpf_prog_info).
type bpfInfo struct {
	fd, length uint32
	info       *programInfo
}

type programInfo struct {
	_    [64]byte
	name [unix.BPF_OBJ_NAME_LEN]byte
}

// programName is the name of a program, "" where that may not be read: to get at a
// program by its number takes SYS_ADMIN.
func programName(id uint32) string {
	type byID struct{ id, next, flags uint32 }
	q := &byID{id: id}
	fd, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(q), unsafe.Sizeof(*q)) //nolint:gosec // a struct of ours, kept alive
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var info programInfo
	about := &bpfInfo{fd: uint32(fd), length: uint32(unsafe.Sizeof(info)), info: &info}
	if _, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(about), unsafe.Sizeof(*about)); err != nil { //nolint:gosec // a struct of ours, kept alive
		return ""
	}
	runtime.KeepAlive(about)
	name, _, _ := bytes.Cut(info.name[:], []byte{0})
	return string(name)
}

// bpf is bpf(2).
func bpf(command uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attr), size)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

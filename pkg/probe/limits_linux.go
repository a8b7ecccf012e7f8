package probe

import "syscall"

// openFiles is the soft limit of open files (RLIMIT_NOFILE, getrlimit(2)).
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the usual default
	}
	return limit.Cur
}

package probe

import (
	"os"
	"strconv"
	"syscall"
)

// openFiles is the soft limit of open files (RLIMIT_NOFILE, getrlimit(2)).
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the usual default
	}
	return limit.Cur
}

// oomFirst is the score by which the kernel chooses a process before every other one.
const oomFirst = 1000

// GoFirst makes the kernel end this process before any other where memory lacks. An
// ephemeral container has no limit of its own: what the probe takes counts against the
// pod, and all of a Guaranteed pod's containers have the same score, so the kernel would
// end the larger process, the application. To raise one's own score takes no right
// (proc_pid_oom_score_adj(5)).
func GoFirst() error {
	return os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, oomFirst, 10), 0)
}

package main

import (
	"os"
	"strconv"
	"syscall"
)

// keepDescriptors keeps what this program inherited from its daemons, which live on: with
// a descriptor of a lock's file (flock(1)) they would hold that lock as long as the
// cluster stands, and with a pipe's the reader of that pipe would wait as long. What Go
// opens by itself is not passed on in any case.
func keepDescriptors() {
	const first = 3 // behind stdin, stdout and stderr, which every daemon gets anew
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			syscall.CloseOnExec(fd)
		}
	}
}

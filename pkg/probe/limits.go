package probe

import (
	"runtime"
	"runtime/debug"
)

const (
	// maxConcurrency lets a plan of a thousand endpoints run at once, beside the
	// other checks, within the memory budget.
	maxConcurrency = 1536
	// filesPerTask is how many file descriptors a task may hold at a time.
	filesPerTask = 3
	// filesReserved are the probe's own and the runtime's.
	filesReserved = 32
	// memoryLimit is where the garbage collector begins to work without a pause. It is
	// above what a thousand endpoints need that do not answer, mostly stacks (36 MB with
	// one attempt each, 57 MB with three, where it was measured): a limit below what is in
	// use saves nothing, and takes the CPU from checks whose deadlines then pass.
	memoryLimit = 64 << 20
	// gcPercent trades CPU, of which a short run needs little, for memory, which
	// belongs to the pod.
	gcPercent = 40
	// maxProcs bounds the runtime's per-processor caches on large nodes.
	maxProcs = 4
)

// Concurrency is the number of tasks that the limit of open files allows at a time.
// (The Go runtime has raised the soft limit to the hard one already.)
func Concurrency() int { return concurrency(openFiles()) }

func concurrency(files uint64) int {
	if files <= filesReserved+filesPerTask {
		return 1
	}
	return int(min(maxConcurrency, (files-filesReserved)/filesPerTask))
}

// Tune makes the Go runtime small: the memory that a probe takes is the pod's.
func Tune() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	runtime.GOMAXPROCS(min(maxProcs, runtime.GOMAXPROCS(0)))
}

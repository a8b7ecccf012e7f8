package checks

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// A burst fills a queue for a moment, and the application empties it: one in doubt is
// looked at again, for as long and as often as this.
const (
	queuePatience = time.Second
	queueInterval = 50 * time.Millisecond
)

// listenCounters are what the kernel counts where it drops a connection for want of room
// in a listening socket's queue, of the whole network namespace (net/ipv4/proc.c).
var listenCounters = []string{"ListenOverflows", "ListenDrops"}

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "pod.backlog",
		Area:    "vantage",
		Summary: "no listening socket has a full queue: a process that accepts no connections fills it, and the kernel drops what comes then",
		Plan: func(f *facts.Facts) []check.Planned[struct{}] {
			return []check.Planned[struct{}]{{Label: check.Label{Title: "listen queues", Object: f.Vantage.String()}, Key: "queues"}}
		},
		Run: runBacklog,
	}))
}

// queueLook is what was read of a network namespace's listening sockets over a while.
type queueLook struct {
	listeners int
	// full are those whose queue was full at each of so many looks, rushed that there was
	// no time for all of them.
	full   []netsys.Socket
	looks  int
	lasted time.Duration
	rushed bool
	// before and after are the counters.
	before, after map[string]uint64
}

func runBacklog(ctx context.Context, _ check.Task, _ struct{}) check.Result {
	look, err := watchQueues(ctx, netsys.ListenSockets)
	if err != nil {
		return check.Skipf("", "the kernel does not tell the queues of sockets: %v", err)
	}
	return judgeQueues(look)
}

// watchQueues reads listening sockets until none is left that was full every time, or
// patience is over.
func watchQueues(ctx context.Context, read func() ([]netsys.Socket, error)) (look queueLook, err error) {
	began := time.Now()
	look.before = listenDrops()
	for {
		list, err := read()
		if err != nil {
			return look, err
		}
		full := slices.DeleteFunc(slices.Clone(list), func(s netsys.Socket) bool { return !s.Full() })
		if look.looks > 0 {
			full = slices.DeleteFunc(full, func(s netsys.Socket) bool {
				return !slices.ContainsFunc(look.full, func(was netsys.Socket) bool { return was.Local == s.Local && was.Cookie == s.Cookie })
			})
		}
		look.listeners, look.full, look.lasted = len(list), full, time.Since(began)
		look.looks++
		if len(full) == 0 || look.lasted >= queuePatience {
			look.after = listenDrops()
			return look, nil
		}
		wait := time.NewTimer(queueInterval)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			look.rushed = true
			return look, nil
		}
	}
}

func listenDrops() map[string]uint64 {
	counters, err := netsys.TCPCounters(os.DirFS(netsys.ProcNet))
	if err != nil {
		return nil
	}
	return counters
}

// judgeQueues is pure. A full queue is a warning: it says that somebody is kept waiting, but
// not whether by a process that is stuck or by one that is busy; where a check of its port
// fails, that is the failure.
func judgeQueues(look queueLook) check.Result {
	switch {
	case look.rushed:
		return check.Errorf("a full listen queue could not be watched for long enough to be sure of it")
	case look.listeners == 0:
		return check.Result{Status: check.Pass, Summary: "listens on nothing"}
	case len(look.full) == 0:
		return check.Result{Status: check.Pass, Summary: fmt.Sprintf("%s, no queue is full", check.Count(look.listeners, "listening socket"))}
	}
	first := look.full[0]
	r := soften(failed(check.QueueFull, "the listen queue of %s is full: %s to be accepted, its limit is %d", first.Local, waiting(first.RQueue), first.WQueue), true)
	if more := len(look.full) - 1; more > 0 {
		r.Summary += fmt.Sprintf("; so are %d more", more)
	}
	r.Kernel = &facts.Kernel{}
	for _, s := range look.full {
		r.Kernel.FullQueues = append(r.Kernel.FullQueues, s.Queue())
	}
	r.With("looked", "%d times within %.1f s, and it was full each time (sock_diag)", look.looks, look.lasted.Seconds())
	for _, name := range listenCounters {
		if after, ok := look.after["tcpext."+name]; ok {
			r.With(name, "%d since the pod began, %d of them meanwhile", after, after-min(after, look.before["tcpext."+name]))
		}
	}
	return r
}

func waiting(n uint32) string {
	if n == 1 {
		return "1 connection waits"
	}
	return fmt.Sprintf("%d connections wait", n)
}

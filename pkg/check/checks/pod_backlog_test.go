package checks

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func listener(at string, waiting, limit uint32) netsys.Socket {
	return netsys.Socket{State: netsys.Listening, Local: netip.MustParseAddrPort(at), RQueue: waiting, WQueue: limit}
}

// TestWatchQueues: a queue is full when that of the same socket is so at every look of a
// second, and that is a warning.
func TestWatchQueues(t *testing.T) {
	full, room := listener("[::]:8080", 3, 2), listener("[::]:8080", 2, 2)
	other := listener("[::]:9090", 7, 6)
	worker := full // of many at one address, with SO_REUSEPORT
	worker.Cookie++
	for _, tt := range []struct {
		name    string
		looks   []([]netsys.Socket) // the last one stays
		timeout time.Duration
		status  check.Status
		full    []string
	}{
		{"nobody listens", []([]netsys.Socket){{}}, time.Minute, check.Pass, nil},
		{"room", []([]netsys.Socket){{room}}, time.Minute, check.Pass, nil},
		{"full", []([]netsys.Socket){{full}}, time.Minute, check.Warn, []string{"[::]:8080"}},
		{"a burst", []([]netsys.Socket){{full}, {full}, {room}}, time.Minute, check.Pass, nil},
		{"full again after a burst", []([]netsys.Socket){{full}, {room}, {full}}, time.Minute, check.Pass, nil},
		{"one of two stays full", []([]netsys.Socket){{full, other}, {room, other}}, time.Minute, check.Warn, []string{"[::]:9090"}},
		{"full later only", []([]netsys.Socket){{full}, {full, other}}, time.Minute, check.Warn, []string{"[::]:8080"}},
		{"one busy worker, then another", []([]netsys.Socket){{full}, {worker}}, time.Minute, check.Pass, nil},
		{"one of several workers is stuck", []([]netsys.Socket){{full, worker}, {worker}}, time.Minute, check.Warn, []string{"[::]:8080"}},
		{"it is gone", []([]netsys.Socket){{full}, {}}, time.Minute, check.Pass, nil},
		{"no time", []([]netsys.Socket){{full}}, 300 * time.Millisecond, check.Error, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
			defer cancel()
			next := 0
			look, err := watchQueues(ctx, func() ([]netsys.Socket, error) {
				list := tt.looks[min(next, len(tt.looks)-1)]
				next++
				return list, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			r := judgeQueues(look)
			var at []string
			if r.Kernel != nil {
				for _, q := range r.Kernel.FullQueues {
					at = append(at, q.At)
				}
			}
			if r.Status != tt.status || strings.Join(at, " ") != strings.Join(tt.full, " ") || r.Summary == "" {
				t.Errorf("%s: %s %q, full %q", tt.name, r.Status, r.Summary, at)
			}
		})
	}
}

// TestBacklogPlanned: from wherever it is looked, the queues of that place are.
func TestBacklogPlanned(t *testing.T) {
	c, _ := Registry.Get("pod.backlog")
	for _, vantage := range []facts.Vantage{
		{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "web-0"}},
		{Kind: facts.VantageNode, Node: &facts.Node{Name: "w1"}},
	} {
		tasks := c.Plan(&facts.Facts{Vantage: vantage})
		if len(tasks) != 1 || tasks[0].Object != vantage.String() {
			t.Errorf("%s: %+v", vantage, tasks)
			continue
		}
		if r := c.Run(t.Context(), tasks[0]); r.Status == check.Unknown || r.Status == check.Error {
			t.Errorf("%s: %s %q", vantage, r.Status, r.Summary)
		}
	}
}

// TestListenerTasks: on its node's network a pod's sockets are anybody's, and the routes
// the node's.
func TestListenerTasks(t *testing.T) {
	for _, tt := range []struct {
		hostNetwork bool
		want        string
	}{
		{false, "pod.listeners pod.backlog pod.network"},
		{true, "pod.listeners pod.backlog"},
	} {
		var ids []string
		for _, task := range ListenerTasks(facts.Ref{Namespace: "shop", Name: "web-0"}, nil, tt.hostNetwork) {
			ids = append(ids, task.Check)
			if task.Object != "pod/shop/web-0" || task.Title == "" {
				t.Errorf("%+v", task)
			}
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

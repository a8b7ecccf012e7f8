package checks

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// vanishing gives the namespace an interface behind which a gateway takes every packet
// and answers none, and whose own network has nobody.
func vanishing(t *testing.T) {
	t.Helper()
	here, there := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t, netnstest.End{NS: here, Name: "eth0", Addrs: []string{"10.9.0.2/24"}}, netnstest.End{NS: there, Name: "peer"})
	// The kernel's own default, which netnstest makes short.
	here.Set(t, "net/ipv4/neigh/eth0/retrans_time_ms", "1000")
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.NeighAdd(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
		IP: net.IPv4(10, 9, 0, 1), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9},
	}); err != nil {
		t.Fatal(err)
	}
	here.Route(t, "0.0.0.0/0", "10.9.0.1", "eth0")
}

// TestThousandDeadEndpoints sees that 1,000 endpoints that are all dead are waited for
// together: were there a second round, it would take two of a check's deadlines. How
// close it comes to one (docs/design.md, section 11) is a benchmark's to say.
func TestThousandDeadEndpoints(t *testing.T) {
	if !netnstest.Isolate(t) {
		return
	}
	vanishing(t)
	f := shopFacts()
	f.Ask.Timeout = 2 * time.Second
	s := payments()
	s.Endpoints = nil
	for i := range 1000 {
		s.Endpoints = append(s.Endpoints, facts.Endpoint{
			Addr: netip.AddrFrom4([4]byte{10, 200, byte(i / 250), byte(1 + i%250)}), Ready: true,
			Ports: []facts.EndpointPort{{Name: "http", Protocol: facts.TCP, Port: 8080}},
		})
	}
	f.Services = []facts.Service{s}
	c, _ := Registry.Get("service.endpoint")
	tasks := c.Plan(f)
	if len(tasks) != 1000 {
		t.Fatalf("%d tasks", len(tasks))
	}
	if took := runDead(t, c, tasks); took >= 2*f.Ask.Timeout {
		t.Errorf("took %s, which is two rounds", took)
	}
}

// runDead runs tasks that all time out, together, and returns how long they took.
func runDead(t *testing.T, c check.Check, tasks []check.Task) time.Duration {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	results := make([]check.Result, len(tasks))
	var pending sync.WaitGroup
	for i, task := range tasks {
		pending.Go(func() { results[i] = c.Run(t.Context(), task) })
	}
	read := make(chan struct{})
	time.AfterFunc(tasks[0].Timeout.D()/2, func() { runtime.ReadMemStats(&after); close(read) })
	pending.Wait()
	<-read
	took := time.Since(start)
	t.Logf("1,000 dead endpoints, 3 attempts each: %s; in use half way: %d KiB a task", took, (after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/1000>>10)
	for _, r := range results {
		if r.Failure != check.Timeout || r.Lost() == 0 || r.Lost() != len(r.Attempts) {
			t.Fatalf("got %s %s: %+v", r.Failure, r.Summary, r)
		}
	}
	return took
}

// TestNeighbourIsBlamed tries what is on the link but not there: the kernel gives up
// after 3 s, the check knows within its deadline.
func TestNeighbourIsBlamed(t *testing.T) {
	if !netnstest.Isolate(t) {
		return
	}
	vanishing(t)
	for _, tt := range []struct {
		addr    string
		want    check.Failure
		blaming string
	}{
		{"10.9.0.77:80", check.Unreachable, "10.9.0.77 on eth0 does not resolve (incomplete)"},
		{"10.200.0.1:80", check.Timeout, ""},
	} {
		for _, proto := range []facts.Protocol{facts.TCP, facts.UDP} {
			t.Run(fmt.Sprint(tt.addr, proto), func(t *testing.T) {
				r := runOf(t, func(task check.Task) check.Result {
					return reach(t.Context(), task, reachParams{Protocol: proto, Peer: addrPeer(netip.MustParseAddrPort(tt.addr))})
				}, 2, 400*time.Millisecond)
				if r.Failure != tt.want || told(r, "neighbour") != tt.blaming {
					t.Errorf("got %s, neighbour %q: %s", r.Failure, told(r, "neighbour"), r.Summary)
				}
			})
		}
	}
}

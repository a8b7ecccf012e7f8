package checks

import (
	"context"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// TestWatchOwnFilter: in a network namespace whose own rules drop some of what is sent.
// Each connect has the time for one SYN to be sent again.
func TestWatchOwnFilter(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	out, err := exec.Command("nft", `table inet t {
		chain o { type filter hook output priority 0; ip daddr 127.0.0.2 drop; ip daddr 127.0.0.4 meta l4proto udp reject; ip daddr 127.0.0.6 udp dport 53 drop; }
		chain i { type filter hook input priority 0; ip daddr { 127.0.0.3, 127.0.0.4 } drop; }
	}`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The counter is the namespace's: one after the other.
	for _, tt := range []struct {
		name  string
		at    string
		proto facts.Protocol
		want  check.Failure
	}{
		{"lost elsewhere", "127.0.0.3:80", facts.TCP, check.Timeout},
		// As kube-proxy in nftables mode rejects it on a node: the VIP has no such UDP port.
		{"only datagrams are rejected", "127.0.0.4:80", facts.TCP, check.Timeout},
		{"dropped on its way out", "127.0.0.2:80", facts.TCP, check.Denied},
		{"refused", "127.0.0.5:80", facts.TCP, check.Refused},
	} {
		at := netip.MustParseAddrPort(tt.at)
		blame := watchOwnFilter(tt.proto, at)
		tries := make([]dial.Try, 2)
		var all sync.WaitGroup
		for i := range tries {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 1400*time.Millisecond)
				defer cancel()
				tries[i] = dial.TCP(ctx, dial.TCPOptions{Peer: dial.Peer{Addr: at}}, false)
			})
		}
		all.Wait()
		blame(tries)
		if tries[0].Failure != tt.want || tries[1].Failure != tt.want {
			t.Errorf("%s: %s and %s, want %s", tt.name, tries[0].Failure, tries[1].Failure, tt.want)
		}
	}
	tries := []dial.Try{{Attempt: check.Attempt{Failure: check.Timeout}}}
	watchOwnFilter(facts.UDP, netip.MustParseAddrPort("127.0.0.6:53"))(tries)
	if tries[0].Failure != check.Denied {
		t.Errorf("a dropped datagram: %s", tries[0].Failure)
	}
}

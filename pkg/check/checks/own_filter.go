package checks

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// watchOwnFilter is called before tries to reach a port, and what it returns after them:
// that turns tries which nothing answered into denied ones where this network namespace's
// own packet filter drops what is sent there.
//
// A dropped SYN is told to nobody: the kernel repeats it as if it had been lost, but
// counts each repetition that it could not even send (TCPRetransFail, __tcp_retransmit_skb
// of net/ipv4/tcp_output.c). A dropped datagram is: sendto(2) fails with EPERM when a rule
// of the output hook drops it (net/netfilter/core.c, nf_hook_slow). So one empty datagram
// is sent after the tries. By itself it does not say enough of TCP: on a node kube-proxy
// (nftables) rejects whatever goes to a ClusterIP by a port and protocol that no service
// has there, and the datagram is of another protocol than the tries were.
func watchOwnFilter(protocol facts.Protocol, at netip.AddrPort) (blame func([]dial.Try)) {
	unsent := func() uint64 { return 0 }
	if protocol == facts.TCP {
		unsent = unsentLately
	}
	before := unsent()
	return func(tries []dial.Try) {
		if !at.IsValid() || len(tries) == 0 {
			return
		}
		for _, t := range tries {
			if t.Failure != check.Timeout {
				return
			}
		}
		if !dropsOwn(at) || protocol == facts.TCP && unsentRepeats() < before+uint64(len(tries)) {
			return
		}
		for i := range tries {
			t := &tries[i]
			t.Failure, t.Soft = check.Denied, false
			t.Detail = "dropped by a packet filter rule of this network namespace"
			t.See("own packet filter", "an empty datagram to the same address and port was not let out (EPERM)")
		}
	}
}

// lately is the last reading of the counter. A thousand tasks begin at once: one look
// serves them all.
var lately struct {
	sync.Mutex
	at time.Time
	n  uint64
}

func unsentLately() uint64 {
	lately.Lock()
	defer lately.Unlock()
	if now := time.Now(); now.Sub(lately.at) > 200*time.Millisecond {
		lately.at, lately.n = now, unsentRepeats()
	}
	return lately.n
}

// unsentRepeats is how many segments this network namespace could not send again, 0 where
// the kernel does not say.
func unsentRepeats() uint64 {
	counters, err := netsys.TCPCounters(os.DirFS(netsys.ProcNet))
	if err != nil {
		return 0
	}
	return counters["tcpext.TCPRetransFail"]
}

// dropsOwn reports whether a datagram cannot leave for want of permission.
func dropsOwn(at netip.AddrPort) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return errors.Is(err, syscall.EPERM)
	}
	defer conn.Close()
	_, err = conn.Write(nil)
	return errors.Is(err, syscall.EPERM)
}

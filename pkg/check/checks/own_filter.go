package checks

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
)

// blameOwnFilter turns tries that nothing answered into denied ones where this network
// namespace's own packet filter drops what is sent there. A dropped SYN is told to
// nobody: the kernel repeats it as if it had been lost. A dropped datagram is: sendto(2)
// fails with EPERM when a rule of the output hook drops it (net/netfilter/core.c,
// nf_hook_slow). So one empty datagram is sent after them.
func blameOwnFilter(at netip.AddrPort, tries []dial.Try) {
	if !at.IsValid() || len(tries) == 0 {
		return
	}
	for _, t := range tries {
		if t.Failure != check.Timeout {
			return
		}
	}
	if !dropsOwn(at) {
		return
	}
	for i := range tries {
		t := &tries[i]
		t.Failure, t.Soft = check.Denied, false
		t.Detail = "dropped by a packet filter rule of this network namespace"
		t.See("own packet filter", "an empty datagram to the same address and port was not let out (EPERM)")
	}
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

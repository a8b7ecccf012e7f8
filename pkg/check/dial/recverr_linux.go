package dial

import (
	"strings"
	"syscall"
)

// receiveErrors makes ICMP errors of every kind reach the socket. It is best effort:
// without it only port unreachable does.
func receiveErrors(network, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) {
		if strings.HasSuffix(network, "6") {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
			return
		}
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
	})
}

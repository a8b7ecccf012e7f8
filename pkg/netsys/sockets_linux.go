package netsys

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// sizeofInetDiagReq is that of struct inet_diag_req_v2; what it leaves zero asks for all
// addresses and ports.
const sizeofInetDiagReq = 56

// eachSocket calls f for the TCP sockets of this network namespace that are in one of the
// states, bits by number. They are not kept: there may be tens of thousands. A table that
// changes meanwhile may lack some. The error is that of IPv4, where IPv6 may be off.
func eachSocket(states uint32, f func(Socket)) error {
	var failed error
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
		body := make([]byte, sizeofInetDiagReq)
		body[0], body[1] = family, unix.IPPROTO_TCP
		binary.NativeEndian.PutUint32(body[4:], states)
		request.AddRawData(body)
		err := request.ExecuteIter(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY, func(m []byte) bool {
			if s, ok := parseSocket(m); ok {
				f(s)
			}
			return true
		})
		if err != nil && family == unix.AF_INET && !errors.Is(err, netlink.ErrDumpInterrupted) {
			failed = fmt.Errorf("list sockets: %w", err)
		}
	}
	return failed
}

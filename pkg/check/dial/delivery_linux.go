package dial

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// deliveryOf asks the kernel; a kernel that does not tell all of it (before 5.4 nothing of
// packets that came early), or a connection that is closed, gives less.
func deliveryOf(conn net.Conn) (d delivery) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return d
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return d
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			d = judgeInfo(info)
		}
	})
	return d
}

// judgeInfo is pure. Data that were sent once and not acknowledged may just be on their
// way: only those count for which the timer of RFC 6298 has run out in vain
// (tcpi_retransmits, which an acknowledgement sets back).
func judgeInfo(info *unix.TCPInfo) delivery {
	d := delivery{
		unacked: info.Unacked > 0 && info.Retransmits > 0,
		sacked:  info.Sacked > 0,
		early:   info.Rcv_ooopack,
	}
	// The SYN-ACK is the first segment that came in, and the SYN the one byte that may be
	// acknowledged.
	d.repeated = info.Segs_in > 1 && info.Data_segs_in == 0 && info.Bytes_acked <= 1 && !d.sacked
	return d
}

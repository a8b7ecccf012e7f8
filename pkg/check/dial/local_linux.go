package dial

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// source remembers the socket of an attempt to connect, so that its source address can
// be asked for after the attempt has failed, when the net package has closed it: the
// one thing by which conntrack can tell what became of it. Its Control method is for
// net.Dialer.
type source struct{ fd int }

func newSource() *source { return &source{fd: -1} }

// Control keeps a second descriptor of the socket; without one the address stays
// unknown, which is no reason not to connect.
func (s *source) Control(_, _ string, conn syscall.RawConn) error {
	s.close()
	_ = conn.Control(func(fd uintptr) {
		if second, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			s.fd = second
		}
	})
	return nil
}

// take returns what is known of the socket, and lets go of it. Until then the kernel
// keeps all of it, also after a connection was refused (net/ipv4/af_inet.c,
// inet_getname; net/ipv4/tcp.c, tcp_get_info: total_retrans counts SYNs too).
func (s *source) take() origin {
	defer s.close()
	if s.fd < 0 {
		return origin{}
	}
	at := origin{local: s.local()}
	if info, err := unix.GetsockoptTCPInfo(s.fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		at.repeats = int(info.Total_retrans)
	}
	return at
}

// local is the address that the socket sent from, "" when it sent nothing.
func (s *source) local() string {
	name, err := syscall.Getsockname(s.fd)
	if err != nil {
		return ""
	}
	var addr netip.AddrPort
	switch name := name.(type) {
	case *syscall.SockaddrInet4:
		addr = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
	case *syscall.SockaddrInet6:
		addr = netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), uint16(name.Port))
	}
	if !addr.IsValid() || addr.Port() == 0 || addr.Addr().IsUnspecified() {
		return ""
	}
	return addr.String()
}

func (s *source) close() {
	if s.fd >= 0 {
		_ = syscall.Close(s.fd)
		s.fd = -1
	}
}

package netsys

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// TestListenQueue fills the queue of a socket that nobody accepts from, as the kernel
// sees it.
func TestListenQueue(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 8080}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		t.Fatal(err)
	}
	for waiting := range 3 {
		list, err := ListenSockets()
		if err != nil || len(list) != 1 {
			t.Fatalf("%d waiting: %+v, %v", waiting, list, err)
		}
		s := list[0]
		if s.Local != netip.MustParseAddrPort("127.0.0.1:8080") || int(s.RQueue) != waiting || s.WQueue != 1 || s.Full() != (waiting == 2) || s.Cookie != cookie {
			t.Errorf("%d waiting: %+v, full %v; its cookie is %d", waiting, s, s.Full(), cookie)
		}
		if waiting < 2 {
			conn, err := net.Dial("tcp", "127.0.0.1:8080")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
	}
	use, err := PortUsage(1024, 65535)
	if err != nil || use.Used != 2 || use.Busiest != netip.MustParseAddrPort("127.0.0.1:8080") || use.Held != 1 || use.States["listen"] != 1 {
		t.Errorf("usage %+v, %v", use, err)
	}
}

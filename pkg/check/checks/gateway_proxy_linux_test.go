package checks

import (
	"net"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// TestGatewayThatNeverAnswersICMP is a pod of a CNI whose gateway ignores echoes, a
// while after its last traffic: only what passes through the gateway meanwhile tells
// that it is there, and without any nothing does.
func TestGatewayThatNeverAnswersICMP(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	n := newPodNet(t)
	n.defaults(t)
	n.node.Set(t, "net/ipv4/icmp_echo_ignore_all", "1")
	var gateway *net.Interface
	var listener net.Listener
	n.node.Do(t, func() {
		var err error
		if gateway, err = net.InterfaceByName("veth1"); err != nil {
			t.Fatal(err)
		}
		if listener, err = net.Listen("tcp", "10.244.1.1:0"); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = listener.Close() }()
	go echoBytes(listener)

	for _, tt := range []struct {
		name   string
		state  int
		talks  bool
		status check.Status
		says   string
	}{
		{"stale, no traffic", netlink.NUD_STALE, false, check.Warn, "not confirmed"},
		{"stale, a TCP connection", netlink.NUD_STALE, true, check.Pass, "resolves as a neighbour (delay)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setNeighbour(t, gateway.HardwareAddr, tt.state)
			if tt.talks {
				exchange(t, listener.Addr().String())
			}
			r := run(t, "gateway.icmp", podFacts("10.244.1.12"))[0]
			if r.Status != tt.status || !strings.Contains(r.Summary, tt.says) {
				t.Errorf("%s %q, want %s %q", r.Status, r.Summary, tt.status, tt.says)
			}
		})
	}
}

// setNeighbour writes the gateway's entry anew, as one that was not confirmed lately.
func setNeighbour(t *testing.T, mac net.HardwareAddr, state int) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	entry := netlink.Neigh{LinkIndex: link.Attrs().Index, IP: net.IPv4(10, 244, 1, 1), HardwareAddr: mac, State: state}
	_ = netlink.NeighDel(&entry) // absent at first
	if err := netlink.NeighAdd(&entry); err != nil {
		t.Fatal(err)
	}
}

// exchange makes a TCP connection progress: each answer acknowledges, and what is sent
// after it confirms the neighbour (net/ipv4/tcp_input.c, tcp_ack).
func exchange(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 4)
	for range 3 {
		if _, err := conn.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
}

func echoBytes(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 4)
		for n, err := conn.Read(buf); err == nil; n, err = conn.Read(buf) {
			if _, err := conn.Write(buf[:n]); err != nil {
				break
			}
		}
		_ = conn.Close()
	}
}

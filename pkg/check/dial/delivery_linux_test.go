package dial

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// Silence is the application's only where the request has arrived: the same hanging
// server behind different rules.
func TestDelivery(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	needNFT(t)
	near, far := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24"}},
		netnstest.End{NS: far, Name: "near", Addrs: []string{"10.9.1.1/24"}})
	far.Do(t, func() {
		for _, port := range []string{"80", "81", "82", "83", "53"} {
			behave := hang
			if port == "82" {
				behave = saying("HTTP/1.1 204 No Content\r\n\r\n")
			}
			listener, err := net.Listen("tcp", "10.9.1.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { _ = conn.Close() })
					go behave(conn)
				}
			}()
		}
		nft(t, `tcp dport { 53, 81 } ip length > 60 drop; tcp dport 83 tcp flags & (syn | ack) != syn drop`)
	})
	near.Do(t, func() { nft(t, `tcp sport 82 ip length > 60 drop`) })
	web := Talk{Proto: protoHTTP, Sure: true}
	for _, tt := range []struct {
		name   string
		port   uint16
		talk   Talk
		want   check.Failure
		detail string
		keys   string
	}{
		{"the application hangs", 80, web, check.Silent, "no answer: firstByte", "protocol"},
		{"and inside TLS", 80, Talk{Proto: protoTLS, Sure: true}, check.Silent, "no answer: firstByte", "protocol"},
		{"nobody speaks first, and nothing was asked", 81, Talk{Proto: protoListen, Sure: true}, check.Silent, "no answer: firstByte", "protocol"},
		{"the request is dropped", 81, web, check.Undelivered, "the request is never acknowledged", "protocol undelivered"},
		{"the request is dropped, TLS", 81, Talk{Proto: protoTLS, Sure: true}, check.Undelivered, "the request is never acknowledged", "protocol undelivered"},
		{"the request is dropped, gRPC", 81, Talk{Proto: protoGRPC, Sure: true}, check.Undelivered, "the request is never acknowledged", "protocol undelivered"},
		{"the answer is dropped", 82, web, check.Undelivered, "later packets of the answer arrive, earlier ones never", "protocol undelivered"},
		{"all but the first packet is dropped", 83, web, check.Undelivered, "the request is never acknowledged", "protocol undelivered handshake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 1800*time.Millisecond)
			defer cancel()
			peer := Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr("10.9.1.1"), tt.port)}
			try := TCP(ctx, TCPOptions{Peer: peer, Talk: tt.talk}, false)
			var keys []string
			for _, e := range try.Seen {
				keys = append(keys, e.Key)
			}
			if try.Err != nil || try.Failure != tt.want || try.Detail != tt.detail || strings.Join(keys, " ") != tt.keys {
				t.Errorf("%v %s %q %q, want %s %q %q", try.Err, try.Failure, try.Detail, keys, tt.want, tt.detail, tt.keys)
			}
		})
	}
	t.Run("URLs", func(t *testing.T) {
		t.Parallel()
		for _, scheme := range []string{"http", "https"} {
			ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
			try, _ := Get(ctx, GetOptions{Peer: Peer{Addr: netip.MustParseAddrPort("10.9.1.1:81")}, URL: &url.URL{Scheme: scheme, Host: "10.9.1.1:81", Path: "/"}})
			cancel()
			if try.Failure != check.Undelivered {
				t.Errorf("%s: %v %s %q", scheme, try.Err, try.Failure, try.Detail)
			}
		}
	})
	t.Run("DNS over TCP", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		server := netip.MustParseAddrPort("10.9.1.1:53")
		_, err := Ask(ctx, Question{Server: server, Network: "tcp", Name: "kubernetes.default.svc.cluster.local.", Type: "A"})
		if KindOf(err, server) != check.Undelivered {
			t.Error(err)
		}
	})
}

func needNFT(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil && os.Getenv("NETLOOK_REQUIRE_NETNS") != "1" {
		t.Skip("nft is not installed")
	}
}

// nft gives the network namespace that a test is in rules for what comes in.
func nft(t *testing.T, rules string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader("table ip lossy { chain in { type filter hook input priority 0; " + rules + "; }; }")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

func TestJudgeInfo(t *testing.T) {
	for _, tt := range []struct {
		name  string
		info  unix.TCPInfo
		early uint32
		want  string
	}{
		{"a kernel that tells nothing", unix.TCPInfo{}, 0, ""},
		{"all is acknowledged", unix.TCPInfo{Total_retrans: 3, Bytes_acked: 88, Segs_in: 2}, 0, ""},
		{"on its way", unix.TCPInfo{Unacked: 1, Segs_in: 1}, 0, ""},
		{"sent again, and not acknowledged", unix.TCPInfo{Unacked: 1, Retransmits: 1, Segs_in: 1}, 0, "the request is never acknowledged"},
		{"the end of it arrives", unix.TCPInfo{Unacked: 2, Retransmits: 1, Sacked: 1, Segs_in: 2}, 0, "later bytes of the request are acknowledged, earlier ones never"},
		{"the end of the answer arrives", unix.TCPInfo{Rcv_ooopack: 1}, 0, "later packets of the answer arrive, earlier ones never"},
		{"a gap that was closed before", unix.TCPInfo{Rcv_ooopack: 1}, 1, ""},
	} {
		if got := judgeInfo(&tt.info).lost(tt.early); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A closed connection, and one that is no socket, tell nothing, and break nothing.
func TestDeliveryOfNothing(t *testing.T) {
	here, there := net.Pipe()
	closed, err := net.Dial("tcp", serve(t, "127.0.0.1", hang).String())
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for _, conn := range []net.Conn{here, there, closed} {
		if d := deliveryOf(conn); d != (delivery{}) {
			t.Errorf("%+v", d)
		}
		_ = conn.Close()
	}
}

// An accept queue that is full drops the end of handshakes whose SYN it has answered, and
// the data after it: the client has a connection, the server has none. That is not the
// way's fault, and the SYN-ACK that comes again is what tells.
func TestFullAcceptQueue(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	needNFT(t)
	near, far := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24"}},
		netnstest.End{NS: far, Name: "near", Addrs: []string{"10.9.1.1/24"}})
	const clients = 3
	far.Do(t, func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		t.Cleanup(func() { _ = unix.Close(fd) })
		must(t, unix.Bind(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 9, 1, 1}}))
		// As many handshakes at once, and room for one connection more (net/ipv4/tcp_input.c,
		// tcp_conn_request), which nobody accepts.
		must(t, unix.Listen(fd, clients))
	})
	for range clients {
		conn, err := net.Dial("tcp", "10.9.1.1:80")
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	far.Do(t, func() { nft(t, `tcp dport 80 tcp flags & (syn | ack) != syn drop`) })
	kinds := make(chan string, clients)
	for range clients {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			defer cancel()
			try := TCP(ctx, TCPOptions{Peer: Peer{Addr: netip.MustParseAddrPort("10.9.1.1:80")}, Talk: Talk{Proto: protoHTTP, Sure: true}}, false)
			kind := string(try.Failure)
			for _, e := range try.Seen {
				if e.Key == seenHandshake {
					kind += ", handshake repeated"
				}
			}
			kinds <- kind
		}()
	}
	// All SYNs are to be answered before the first handshake is complete.
	far.Do(t, func() {
		const half = " 03 " // TCP_SYN_RECV, in the column "st"
		for tables, until := []byte(nil), time.Now().Add(2*time.Second); bytes.Count(tables, []byte(half)) < clients; {
			if time.Now().After(until) {
				t.Fatalf("not all clients came:\n%s", tables)
			}
			tables, _ = os.ReadFile("/proc/thread-self/net/tcp")
		}
		if out, err := exec.Command("nft", "delete table ip lossy").CombinedOutput(); err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
	})
	var got []string
	for range clients {
		got = append(got, <-kinds)
	}
	slices.Sort(got)
	if want := []string{"silent", "undelivered, handshake repeated", "undelivered, handshake repeated"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

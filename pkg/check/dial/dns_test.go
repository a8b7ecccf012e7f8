package dial

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// start runs a DNS server until the test ends.
func start(t *testing.T, s *dns.Server) {
	t.Helper()
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = s.Shutdown() })
}

// serveDNS answers over UDP, and over TCP at the same port unless tcp is nil.
func serveDNS(t *testing.T, host string, udp, tcp dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	// A port that is free for UDP may be taken for TCP, so try a few.
	for range 20 {
		pc, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		addr := addrOf(pc.LocalAddr())
		if tcp != nil {
			l, err := net.Listen("tcp", addr.String())
			if err != nil {
				_ = pc.Close()
				continue
			}
			start(t, &dns.Server{Listener: l, Handler: tcp})
		}
		start(t, &dns.Server{PacketConn: pc, Handler: udp})
		return addr
	}
	t.Fatal("no port is free for both UDP and TCP")
	return netip.AddrPort{}
}

func rcode(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, code)) }
}

// records answers with resource records in zone file form.
func records(rrs ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(withRecords(q, rrs...)) }
}

func withRecords(q *dns.Msg, rrs ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	for _, text := range rrs {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	return m
}

func mute(dns.ResponseWriter, *dns.Msg) {}

func changed(change func(*dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := withRecords(q, "a.test. A 10.0.0.1")
		change(m)
		_ = w.WriteMsg(m)
	}
}

func raw(bytes string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		header, _ := q.Pack()
		_, _ = w.Write([]byte(string(header[:2]) + bytes))
	}
}

func truncated(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Truncated = true
	_ = w.WriteMsg(m)
}

func TestAsk(t *testing.T) {
	a := records("a.test. A 10.0.0.1", "a.test. A 10.0.0.2")
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}
	wrongID := changed(func(m *dns.Msg) { m.Id++ })
	twice := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { wrongID(w, q); a(w, q) })
	tests := []struct {
		name     string
		udp, tcp dns.HandlerFunc
		network  string
		kind     check.Failure
		detail   string
		want     Reply
	}{
		{"udp", a, nil, "udp", "", "", Reply{Rcode: "NOERROR", Addrs: addrs}},
		{"tcp", mute, a, "tcp", "", "", Reply{Rcode: "NOERROR", Addrs: addrs}},
		{"udp is silent though tcp works", mute, a, "udp", check.Timeout, "", Reply{}},
		{"tcp is refused though udp works", a, nil, "tcp", check.Refused, "", Reply{}},
		{"nxdomain", rcode(dns.RcodeNameError), nil, "udp", check.NXDomain, "", Reply{Rcode: "NXDOMAIN"}},
		{"servfail", rcode(dns.RcodeServerFailure), nil, "udp", check.ServFail, "", Reply{Rcode: "SERVFAIL"}},
		{"refused by policy", rcode(dns.RcodeRefused), nil, "udp", check.DNSRefused, "REFUSED", Reply{Rcode: "REFUSED"}},
		{"no data", records(), nil, "udp", check.NoData, "no A record", Reply{Rcode: "NOERROR"}},
		{"alias", records("a.test. CNAME b.test.", "b.test. A 10.0.0.1"), nil, "udp", "", "", Reply{Rcode: "NOERROR", Addrs: addrs[:1], CNAME: "b.test.", Aliases: []Alias{{"a.test.", "b.test."}}}},
		{"truncated, then tcp", truncated, a, "udp", "", "", Reply{Rcode: "NOERROR", Addrs: addrs, Truncated: true}},
		{"truncated, and tcp is closed", truncated, nil, "udp", check.Refused, "truncated over udp, and tcp", Reply{Truncated: true}},
		{"wrong ID", wrongID, nil, "udp", check.Protocol, "another ID", Reply{}},
		{"wrong ID over tcp", mute, wrongID, "tcp", check.Protocol, "another ID", Reply{}},
		{"wrong ID, then the right one", twice, nil, "udp", "", "", Reply{Rcode: "NOERROR", Addrs: addrs}},
		{"another question", changed(func(m *dns.Msg) { m.Question[0].Name = "evil.test." }), nil, "udp", check.Protocol, "another question", Reply{}},
		{"a query instead", changed(func(m *dns.Msg) { m.Response = false }), nil, "udp", check.Protocol, "query instead", Reply{}},
		{"garbage", raw("\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\xc0\x0c\xc0\x0c"), nil, "udp", check.Protocol, "malformed", Reply{}},
		{"short garbage", raw("x"), nil, "udp", check.Protocol, "malformed", Reply{}},
	}
	for _, tt := range tests {
		for _, host := range loopbacks {
			t.Run(tt.name+" "+host, func(t *testing.T) {
				t.Parallel()
				server := serveDNS(t, host, tt.udp, tt.tcp)
				got, err := Ask(within(t, 300*time.Millisecond), Question{Server: server, Network: tt.network, Name: "a.test", Type: "A"})
				if kind := KindOf(err, server); kind != tt.kind || (err != nil && kind == "") {
					t.Errorf("got %q (%v), want %q", kind, err, tt.kind)
				}
				if tt.detail != "" && !strings.Contains(fmt.Sprint(err), tt.detail) {
					t.Errorf("error %q does not say %q", err, tt.detail)
				}
				if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Reply{}, "RTT", "Local"), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestAskNobody(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := addrOf(pc.LocalAddr())
	_ = pc.Close()
	_, err = Ask(within(t, time.Second), Question{Server: server, Network: "udp", Name: "a.test", Type: "AAAA"})
	if kind := KindOf(err, server); kind != check.Refused {
		t.Errorf("got %q (%v), want refused", kind, err)
	}
}

func TestUDP(t *testing.T) {
	echo := func(pc net.PacketConn) {
		buf := make([]byte, 512)
		n, from, err := pc.ReadFrom(buf)
		if err == nil {
			_, _ = pc.WriteTo(buf[:n], from)
		}
	}
	tests := []struct {
		name   string
		serve  func(net.PacketConn) // nil: nobody listens
		talk   Talk
		want   check.Failure
		soft   bool
		within time.Duration
	}{
		{"answers", echo, Talk{}, "", false, 400 * time.Millisecond},
		{"port unreachable", nil, Talk{}, check.Refused, false, 400 * time.Millisecond},
		{"the first datagram goes unanswered", func(pc net.PacketConn) {
			buf := make([]byte, 512)
			for i := 0; ; i++ {
				n, from, err := pc.ReadFrom(buf)
				if err != nil {
					return
				}
				if i > 0 {
					_, _ = pc.WriteTo(buf[:n], from)
				}
			}
		}, Talk{}, "", false, 1500 * time.Millisecond},
		{"silence tells nothing", func(net.PacketConn) {}, Talk{}, check.Timeout, true, 400 * time.Millisecond},
		{"silence is not awaited for long", func(net.PacketConn) {}, Talk{}, check.Timeout, true, 30 * time.Second},
		{"but a DNS server must answer", func(net.PacketConn) {}, Talk{Proto: "dns"}, check.Timeout, false, 400 * time.Millisecond},
		{"as an NTP server answers", echo, Talk{Proto: "ntp"}, "", false, 400 * time.Millisecond},
	}
	for _, tt := range tests {
		for _, host := range loopbacks {
			t.Run(tt.name+" "+host, func(t *testing.T) {
				t.Parallel()
				pc, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
				if err != nil {
					t.Fatal(err)
				}
				addr := addrOf(pc.LocalAddr())
				if tt.serve == nil {
					_ = pc.Close()
				} else {
					t.Cleanup(func() { _ = pc.Close() })
					go tt.serve(pc)
				}
				began := time.Now()
				got := UDP(within(t, tt.within), Peer{Addr: addr}, tt.talk)
				if got.Failure != tt.want || got.Soft != tt.soft || got.Err != nil {
					t.Errorf("got %q soft=%v %v, want %q soft=%v", got.Failure, got.Soft, got.Err, tt.want, tt.soft)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("took %s", took)
				}
			})
		}
	}
}

func TestUDPCancelled(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	got := UDP(ctx, Peer{Addr: addrOf(pc.LocalAddr())}, Talk{Proto: "dns"})
	if got.Err == nil || got.Failure != "" {
		t.Errorf("got %q %v", got.Failure, got.Err)
	}
}

package netsys

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// FuzzCounters: the tables of /proc/net. Names are words, their number is bounded, and
// the same text gives the same numbers.
func FuzzCounters(f *testing.F) {
	f.Add("Ip: Forwarding InReceives\nIp: 1 77\nTcp: MaxConn RetransSegs\nTcp: -1 3\n", "Ip6InReceives \t 5\nIcmp6InType1 2\n", "0000000a 00000001 00000002\n", "entries found invalid\n00000002 00000000 00000003\n")
	f.Fuzz(func(t *testing.T, snmp, snmp6, softnet, conntrack string) {
		root := fstest.MapFS{}
		for name, text := range map[string]string{"snmp": snmp, "netstat": snmp, "snmp6": snmp6, "softnet_stat": softnet, "stat/nf_conntrack": conntrack} {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		c, err := Counters(root, nil)
		if (err != nil) != (c == nil) && len(c) > 0 {
			t.Fatalf("%d counters, %v", len(c), err)
		}
		if len(c) > maxCounters {
			t.Errorf("%d counters", len(c))
		}
		for name := range c {
			if group, _, _ := strings.Cut(name, "."); len(strings.Fields(name)) != 1 || group == "" || gauges[name] {
				t.Errorf("a counter %q", name)
			}
		}
		if again, _ := Counters(root, nil); !cmp.Equal(c, again) {
			t.Error("not the same twice")
		}
	})
}

// FuzzListeners: /proc/net/tcp. What was read is sorted, bounded, and written as the
// kernel does it is read again.
func FuzzListeners(f *testing.F) {
	f.Add("  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n", "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A\n")
	f.Fuzz(func(t *testing.T, tcp, tcp6 string) {
		list, err := Listeners(fstest.MapFS{"tcp": {Data: []byte(tcp)}, "tcp6": {Data: []byte(tcp6)}})
		if err != nil {
			return
		}
		if len(list) > maxListeners || !slices.IsSortedFunc(list, netip.AddrPort.Compare) {
			t.Errorf("%v", list)
		}
		for _, at := range list {
			raw := at.Addr().AsSlice()
			for i := 0; i+4 <= len(raw); i += 4 {
				binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
			}
			text := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(raw)), at.Port())
			if again, ok := socketAddress(text); !ok || again != at {
				t.Errorf("%s, written as %s, reads as %s", at, text, again)
			}
		}
	})
}

// FuzzCapEff: /proc/PID/status. As many capabilities as the mask has bits.
func FuzzCapEff(f *testing.F) {
	f.Add("Name:\tx\nCapEff:\t00000000a80425fb\n")
	f.Add("CapEff:\tffffffffffffffff\n")
	f.Fuzz(func(t *testing.T, status string) {
		names, err := parseCapEff(strings.NewReader(status))
		if err != nil {
			return
		}
		if len(names) > 64 || names == nil || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
			t.Errorf("%d names: %v", len(names), names)
		}
	})
}

// FuzzSettings: values below /proc/sys.
func FuzzSettings(f *testing.F) {
	f.Add("12", "262144\n")
	f.Add("0", "-1")
	f.Add("9223372036854775807", "9223372036854775807") // more nanoseconds than fit
	f.Fuzz(func(t *testing.T, count, limit string) {
		root := fstest.MapFS{
			"net/netfilter/nf_conntrack_count":           {Data: []byte(count)},
			"net/netfilter/nf_conntrack_max":             {Data: []byte(limit)},
			"net/netfilter/nf_conntrack_udp_timeout":     {Data: []byte(count)},
			"net/netfilter/nf_conntrack_tcp_timeout_max": {Data: []byte(limit)},
		}
		for _, s := range Sysctls(root, "net/netfilter/*") {
			if len(s.Value) > maxSysctlValue || s.Value != strings.TrimSpace(s.Value) {
				t.Errorf("%s: %d bytes", s.Name, len(s.Value))
			}
		}
		if c, err := ReadConntrack(root); err == nil && (c.Count < 0 || c.Max < 0) {
			t.Errorf("%+v", c)
		}
		for name, d := range ReadFlowTimeouts(root) {
			if d < 0 {
				t.Errorf("%s is %s", name, d)
			}
		}
		flow := facts.Flow{Protocol: "udp", Expires: len(count)}
		if idle, ok := ReadFlowTimeouts(root).Idle(flow); ok && idle < 0 {
			t.Errorf("idle for %s", idle)
		}
	})
}

// FuzzEcho: ICMP messages that claim to be answers. What we take for an answer is one to
// golang.org/x/net/icmp as well, with the same sequence number.
func FuzzEcho(f *testing.F) {
	request, err := echoRequest(netip.MustParseAddr("192.0.2.1"), 7, 3, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request, false, true)
	f.Add(append([]byte{0}, request[1:]...), false, false)
	f.Add(append([]byte{129}, request[1:]...), true, false)
	f.Fuzz(func(t *testing.T, data []byte, v6, quoted bool) {
		addr, protocol, want := netip.MustParseAddr("192.0.2.1"), 1, icmp.Type(ipv4.ICMPTypeEchoReply)
		switch {
		case v6 && quoted:
			addr, protocol, want = netip.MustParseAddr("fd00::1"), 58, ipv6.ICMPTypeEchoRequest
		case v6:
			addr, protocol, want = netip.MustParseAddr("fd00::1"), 58, ipv6.ICMPTypeEchoReply
		case quoted:
			want = ipv4.ICMPTypeEcho
		}
		seq, ours := echoSeq(addr, data, 7, quoted)
		message, err := icmp.ParseMessage(protocol, data)
		if err != nil {
			if ours {
				t.Fatalf("x/net cannot read it: %v", err)
			}
			return
		}
		body, isEcho := message.Body.(*icmp.Echo)
		if theirs := isEcho && message.Type == want && body.ID == 7; theirs != ours || ours && body.Seq != seq {
			t.Errorf("an answer: %v, x/net: %v; seq %d, x/net %+v", ours, theirs, seq, message.Body)
		}
	})
}

// liar is a path that answers what a script says, two bytes a packet: it names MTUs,
// loses, refuses, or lets through, whatever the size.
type liar struct {
	script  []byte
	sent    int
	limited bool
	arrived map[int]bool
}

func (l *liar) Method() string { return "liar" }
func (l *liar) Limited() bool  { return l.limited }
func (l *liar) Send(size int) (sizeProbe, error) {
	at := l.sent * 2
	l.sent++
	if at+1 >= len(l.script) {
		return fakeProbe{err: ErrNoAnswer}, nil
	}
	router := netip.MustParseAddr("192.0.2.1")
	switch mtu := int(l.script[at+1]) << 3; l.script[at] % 6 {
	case 0:
		l.arrived[size] = true
		return fakeProbe{}, nil
	case 1:
		return fakeProbe{err: &ICMPError{Errno: syscall.EMSGSIZE, Type: v4Unreachable, Code: v4FragNeeded, MTU: mtu, From: router}}, nil
	case 2:
		return fakeProbe{err: &ICMPError{Errno: syscall.EMSGSIZE, Local: true, MTU: mtu}}, nil
	case 3:
		return fakeProbe{err: &ICMPError{Errno: syscall.EHOSTUNREACH, Type: v4Unreachable, Code: mtu >> 3, From: router}}, nil
	case 4:
		return nil, &ICMPError{Errno: syscall.EMSGSIZE, Local: true, MTU: mtu}
	}
	return fakeProbe{err: ErrNoAnswer}, nil
}

// FuzzPathMTU: whatever routers and the peer say, the search ends, and its verdict rests
// on packets that were answered.
func FuzzPathMTU(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0}, false)
	f.Add([]byte{1, 181, 5, 0, 0, 0}, false)
	f.Add([]byte{5, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0}, true)
	f.Add(append([]byte{1, 9, 5, 0}, bytes.Repeat([]byte{5, 0, 0, 0}, 12)...), true) // 72 bytes fit, says a router; 128 arrive
	f.Fuzz(func(t *testing.T, script []byte, limited bool) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			path := &liar{script: script, limited: limited, arrived: map[int]bool{}}
			s := search{prober: path, timing: testTiming, report: PathReport{Promise: 1500, Verdict: PathUnmeasured}, firstTries: 2}
			began := time.Now()
			got := s.run(ctx)
			if took := time.Since(began); took > 2*time.Second || path.sent > 4000 {
				t.Errorf("%s, %d packets", took, path.sent)
			}
			switch got.Verdict {
			case PathFull:
				if got.Largest != got.Promise || !path.arrived[got.Largest] {
					t.Errorf("full without evidence: %+v", got)
				}
			case PathSignalled:
				if got.Largest >= got.Promise || !path.arrived[got.Largest] {
					t.Errorf("signalled without evidence: %+v", got)
				}
			case PathBlackHole:
				if got.Vanishes <= got.Largest || !path.arrived[got.Largest] {
					t.Errorf("a black hole without evidence: %+v", got)
				}
			case PathUnmeasured:
				if got.Reason == "" {
					t.Error("unmeasured without a reason")
				}
			default:
				t.Errorf("verdict %q", got.Verdict)
			}
		})
	})
}

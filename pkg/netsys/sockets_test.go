package netsys

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// diagMessage is a struct inet_diag_msg, as the kernel lays it out.
func diagMessage(family, state byte, local, remote netip.AddrPort, rqueue, wqueue uint32) []byte {
	m := make([]byte, sizeofInetDiag)
	m[0], m[1] = family, state
	binary.BigEndian.PutUint16(m[4:], local.Port())
	binary.BigEndian.PutUint16(m[6:], remote.Port())
	copy(m[8:24], local.Addr().AsSlice())
	copy(m[24:40], remote.Addr().AsSlice())
	binary.NativeEndian.PutUint32(m[56:], rqueue)
	binary.NativeEndian.PutUint32(m[60:], wqueue)
	return m
}

func TestParseSocket(t *testing.T) {
	at := netip.MustParseAddrPort
	cooked := diagMessage(2, 10, at("0.0.0.0:8080"), at("0.0.0.0:0"), 3, 2)
	binary.NativeEndian.PutUint32(cooked[44:], 1)
	binary.NativeEndian.PutUint32(cooked[48:], 2)
	for _, tt := range []struct {
		name    string
		message []byte
		want    Socket
		ok      bool
	}{
		{"listens", diagMessage(2, 10, at("0.0.0.0:8080"), at("0.0.0.0:0"), 3, 2), Socket{"listen", at("0.0.0.0:8080"), at("0.0.0.0:0"), 3, 2, 0}, true},
		{"IPv6", diagMessage(10, 6, at("[fd00::1]:40000"), at("[fd00::2]:80"), 0, 0), Socket{"time-wait", at("[fd00::1]:40000"), at("[fd00::2]:80"), 0, 0, 0}, true},
		{"IPv4 of a socket of both", diagMessage(10, 1, at("[::ffff:10.0.0.1]:8080"), at("[::ffff:10.0.0.2]:5"), 0, 0), Socket{"established", at("10.0.0.1:8080"), at("10.0.0.2:5"), 0, 0, 0}, true},
		{"its cookie", cooked, Socket{"listen", at("0.0.0.0:8080"), at("0.0.0.0:0"), 3, 2, 2<<32 | 1}, true},
		{"a state to come", diagMessage(2, 200, at("0.0.0.0:1"), at("0.0.0.0:0"), 0, 0), Socket{}, false},
		{"too short", make([]byte, sizeofInetDiag-1), Socket{}, false},
		{"nothing", nil, Socket{}, false},
	} {
		if got, ok := parseSocket(tt.message); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v %v, want %+v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestFull: the kernel takes one more than the limit says.
func TestFull(t *testing.T) {
	for _, tt := range []struct {
		s    Socket
		want bool
	}{
		{Socket{State: Listening, RQueue: 2, WQueue: 1}, true},
		{Socket{State: Listening, RQueue: 1, WQueue: 1}, false},
		{Socket{State: "established", RQueue: 9, WQueue: 0}, false}, // bytes to be read
	} {
		if got := tt.s.Full(); got != tt.want {
			t.Errorf("%+v full: %v", tt.s, got)
		}
	}
}

func TestUsage(t *testing.T) {
	u := newUsage(40000, 40009)
	add := func(state, local, remote string) {
		u.add(Socket{State: state, Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)})
	}
	add("time-wait", "10.0.0.1:40000", "10.9.0.1:80")
	add("established", "10.0.0.1:40001", "10.9.0.1:80")
	add("established", "10.0.0.1:40000", "10.9.0.1:443") // the same port, to another one
	add("established", "10.0.0.1:39999", "10.9.0.1:80")  // below the range
	add("established", "10.0.0.1:40010", "10.9.0.1:80")  // above it
	add("listen", "0.0.0.0:40005", "0.0.0.0:0")
	add("listen", "[::]:40005", "[::]:0")
	got := u.sum()
	if got.Busiest.String() != "10.9.0.1:80" || got.From.String() != "10.0.0.1" || got.Used != 2 || got.Waiting != 1 || got.Held != 1 {
		t.Errorf("%+v", got)
	}
	if got.States["established"] != 4 || got.States["time-wait"] != 1 || got.States["listen"] != 2 {
		t.Errorf("states %v", got.States)
	}
	if empty := newUsage(1, 2).sum(); empty.Used != 0 || empty.Busiest.IsValid() {
		t.Errorf("of nothing: %+v", empty)
	}
}

// FuzzSocket: the parser of sock_diag's answers. What was read of a message can be written
// as the kernel would write it, and reads the same.
func FuzzSocket(f *testing.F) {
	at := netip.MustParseAddrPort
	f.Add(diagMessage(2, tcpListenState, at("0.0.0.0:8080"), at("0.0.0.0:0"), 129, 128))
	f.Add(diagMessage(inet6, 6, at("[fd00::1]:40000"), at("[fd00::2]:80"), 0, 0))
	f.Fuzz(func(t *testing.T, message []byte) {
		s, ok := parseSocket(message)
		if !ok {
			if s != (Socket{}) {
				t.Fatalf("no socket, but %+v", s)
			}
			return
		}
		family := byte(2)
		if s.Local.Addr().Is6() || s.Remote.Addr().Is6() {
			family = inet6
			if s.Local.Addr().Is4() != s.Remote.Addr().Is4() {
				return // one of them was mapped, and cannot be written as it was
			}
		}
		written := diagMessage(family, message[1], s.Local, s.Remote, s.RQueue, s.WQueue)
		copy(written[44:52], message[44:52])
		again, ok := parseSocket(written)
		if !ok || again != s {
			t.Errorf("%+v, then %+v", s, again)
		}
		u := newUsage(0, 65535)
		u.add(s)
		if sum := u.sum(); sum.Used+sum.Held != 1 || len(s.State) == 0 && message[1] != 0 {
			t.Errorf("%+v of %+v", sum, s)
		}
	})
}

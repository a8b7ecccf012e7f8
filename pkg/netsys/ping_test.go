package netsys

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// fakeEcho is a connection whose answers a test decides on.
type fakeEcho struct {
	// answer is called with each request's sequence number, and gives what comes back.
	answer func(seq int) []event
	queue  chan event
	sendOK func(seq int) error
}

type event struct {
	message []byte
	err     error
}

func (c *fakeEcho) ID() int        { return 7 }
func (c *fakeEcho) Method() string { return "fake" }
func (c *fakeEcho) Close() error   { return nil }

func (c *fakeEcho) Send(message []byte) error {
	seq := int(message[6])<<8 | int(message[7])
	if c.sendOK != nil {
		if err := c.sendOK(seq); err != nil {
			return err
		}
	}
	for _, e := range c.answer(seq) {
		c.queue <- e
	}
	return nil
}

func (c *fakeEcho) Recv(ctx context.Context, buf []byte) (int, error) {
	select {
	case e := <-c.queue:
		return copy(buf, e.message), e.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func reply(t *testing.T, typ ipv4.ICMPType, id, seq int) []byte {
	t.Helper()
	data, err := (&icmp.Message{Type: typ, Body: &icmp.Echo{ID: id, Seq: seq}}).Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPingLogic(t *testing.T) {
	ok := func(seq int) event { return event{message: reply(t, ipv4.ICMPTypeEchoReply, 7, seq)} }
	unreachable := func(seq int) event {
		e := &ICMPError{Errno: syscall.EHOSTUNREACH, Type: 3, Code: 1, From: netip.MustParseAddr("192.0.2.1")}
		return event{err: &queuedError{ICMPError: e, Quoted: reply(t, ipv4.ICMPTypeEcho, 7, seq)}}
	}
	broken := errors.New("broken")
	pending := map[int]bool{}
	tests := []struct {
		name   string
		answer func(seq int) []event
		sendOK func(seq int) error
		want   []error
	}{
		{"all answered", func(seq int) []event { return []event{ok(seq)} }, nil, []error{nil, nil, nil}},
		{"one lost", func(seq int) []event {
			if seq == 1 {
				return nil
			}
			return []event{ok(seq)}
		}, nil, []error{nil, ErrNoAnswer, nil}},
		{"silence", func(int) []event { return nil }, nil, []error{ErrNoAnswer, ErrNoAnswer, ErrNoAnswer}},
		{"unreachable", func(seq int) []event { return []event{unreachable(seq)} }, nil, []error{syscall.EHOSTUNREACH, syscall.EHOSTUNREACH, syscall.EHOSTUNREACH}},
		{"strangers, duplicates and rubbish", func(seq int) []event {
			return []event{
				{message: reply(t, ipv4.ICMPTypeEchoReply, 8, seq)}, {message: reply(t, ipv4.ICMPTypeEcho, 7, seq)},
				{message: []byte{0, 0, 1}}, {}, {message: reply(t, ipv4.ICMPTypeEchoReply, 7, 9999)},
				{err: &queuedError{ICMPError: &ICMPError{Errno: syscall.EHOSTUNREACH}}}, ok(seq), ok(seq), unreachable(seq),
			}
		}, nil, []error{nil, nil, nil}},
		{"sending refused", nil, func(int) error { return syscall.EPERM }, []error{syscall.EPERM, syscall.EPERM, syscall.EPERM}},
		{"sending gets an earlier error", func(seq int) []event { return []event{ok(seq)} }, func(seq int) error {
			if pending[seq] {
				return nil
			}
			pending[seq] = true
			return syscall.EHOSTUNREACH
		}, []error{nil, nil, nil}},
		{"socket breaks", func(int) []event { return []event{{err: broken}} }, nil, []error{broken, broken, broken}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			conn := &fakeEcho{answer: tt.answer, sendOK: tt.sendOK, queue: make(chan event, 100)}
			echoes := ping(ctx, conn, netip.MustParseAddr("192.0.2.9"), PingOptions{Count: 3, Interval: time.Millisecond})
			if len(echoes) != len(tt.want) {
				t.Fatalf("%d echoes, want %d", len(echoes), len(tt.want))
			}
			for i, e := range echoes {
				if !errors.Is(e.Err, tt.want[i]) {
					t.Errorf("echo %d: %v, want %v", i, e.Err, tt.want[i])
				}
			}
		})
	}
}

func TestPingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	conn := &fakeEcho{answer: func(int) []event { return nil }, queue: make(chan event)}
	start := time.Now()
	echoes := ping(ctx, conn, netip.MustParseAddr("192.0.2.9"), PingOptions{Count: 5, Interval: time.Hour})
	if d := time.Since(start); d > time.Second || len(echoes) != 5 || echoes[4].Err == nil {
		t.Errorf("%v, %+v", d, echoes)
	}
}

func TestEchoRequestSize(t *testing.T) {
	for _, tt := range []struct {
		addr string
		size int
		want int // of the ICMP message
	}{
		{"192.0.2.1", 1500, 1480}, {"2001:db8::1", 1500, 1460}, {"192.0.2.1", 0, 64}, {"192.0.2.1", 1, 8},
	} {
		message, err := echoRequest(netip.MustParseAddr(tt.addr), 1, 2, tt.size)
		if err != nil || len(message) != tt.want {
			t.Errorf("%s, packet of %d: ICMP message of %d bytes, %v; want %d", tt.addr, tt.size, len(message), err, tt.want)
		}
	}
}

func TestICMPErrorText(t *testing.T) {
	from := netip.MustParseAddr("10.0.0.1")
	tests := []struct {
		err           ICMPError
		want          string
		tooBig, noone bool
	}{
		{ICMPError{Errno: syscall.EHOSTUNREACH, Type: 3, Code: 1, From: from}, "ICMP host unreachable from 10.0.0.1", false, false},
		{ICMPError{Errno: syscall.ECONNREFUSED, Type: 3, Code: 3, From: from}, "ICMP port unreachable from 10.0.0.1", false, true},
		{ICMPError{Errno: syscall.ECONNREFUSED, Type: 1, Code: 4, V6: true, From: from}, "ICMP port unreachable from 10.0.0.1", false, true},
		{ICMPError{Errno: syscall.EMSGSIZE, Type: 3, Code: 4, MTU: 1400, From: from}, "ICMP fragmentation needed (MTU 1400) from 10.0.0.1", true, false},
		{ICMPError{Errno: syscall.EMSGSIZE, Type: 2, V6: true, MTU: 1400, From: from}, "ICMP packet too big (MTU 1400) from 10.0.0.1", true, false},
		{ICMPError{Errno: syscall.EMSGSIZE, Local: true, MTU: 1500}, "message too long (this kernel's limit is 1500 bytes)", true, false},
		{ICMPError{Errno: syscall.EHOSTUNREACH, Type: 3, V6: true, From: from}, "ICMP time exceeded from 10.0.0.1", false, false},
		{ICMPError{Errno: syscall.EHOSTUNREACH, Type: 3, Code: 77, From: from}, "ICMP destination unreachable, code 77 from 10.0.0.1", false, false},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want || tt.err.TooBig() != tt.tooBig || tt.err.PortUnreachable() != tt.noone {
			t.Errorf("%+v: %q, too big %v, port unreachable %v; want %q", tt.err, got, tt.err.TooBig(), tt.err.PortUnreachable(), tt.want)
		}
	}
}

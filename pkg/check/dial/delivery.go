package dial

import (
	"context"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// The keys of evidence of what TCP knows about data that did not arrive.
const (
	seenUndelivered = "undelivered"
	seenHandshake   = "handshake"
)

// delivery is what the kernel knows of the data of an open connection (tcp(7), TCP_INFO;
// struct tcp_info of include/uapi/linux/tcp.h). The zero value says nothing.
type delivery struct {
	// unacked says that data were sent, sent again after a timeout of TCP's own, and are
	// still not acknowledged. Whoever runs a process that hangs acknowledges all the same.
	unacked bool
	// sacked says that the peer has later bytes of them (RFC 2018).
	sacked bool
	// repeated says that the peer has sent its SYN-ACK again, and nothing else: not even
	// our end of the handshake counted there.
	repeated bool
	// early is how many packets have come before one that is to come before them.
	early uint32
}

// lost says what of a connection's data did not arrive, "" when nothing is known to be
// lost. early is how many packets had come early before the answer that is missed was
// asked for, since those gaps were closed.
func (d delivery) lost(early uint32) string {
	switch {
	case d.unacked && d.sacked:
		return "later bytes of the request are acknowledged, earlier ones never"
	case d.unacked:
		return "the request is never acknowledged"
	case d.early > early:
		return "later packets of the answer arrive, earlier ones never"
	}
	return ""
}

// settle remembers that all data so far have arrived.
func (s *session) settle() { s.early = deliveryOf(s.Conn).early }

// failOn fills t in from err, which ended an attempt on an open connection. Silence is the
// application's only where the request has arrived: TCP knows that.
func (t *Try) failOn(ctx context.Context, err error, s *session, stage string) {
	t.fail(ctx, err, s.addr, stage)
	if t.Failure != check.Silent {
		return
	}
	if p := deliveryOf(s.Conn).problem(s.early); p != nil {
		t.fail(ctx, p, s.addr, stage)
	}
}

// problem is the failure of data that did not arrive, nil when none are known to be lost;
// early is as for lost.
func (d delivery) problem(early uint32) *problem {
	lost := d.lost(early)
	if lost == "" {
		return nil
	}
	p := problemf(check.Undelivered, "%s", lost)
	p.seen = []check.Evidence{{Key: seenUndelivered, Value: lost}}
	if d.unacked && d.repeated {
		p.seen = append(p.seen, check.Evidence{Key: seenHandshake, Value: "the peer repeats its SYN-ACK, as if nothing that is sent after the SYN arrived"})
	}
	return p
}

// unanswered is the failure of a question over a connection that nobody answers.
func unanswered(d delivery) *problem {
	if p := d.problem(0); p != nil {
		return p
	}
	return problemf(check.Silent, "takes the connection, and does not answer")
}

package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Question is one DNS query to one server.
type Question struct {
	Server  netip.AddrPort
	Network string // udp, tcp
	// Name is absolute; a missing final dot is added.
	Name string
	Type string // A, AAAA
}

// Reply is what a DNS server said.
type Reply struct {
	Rcode string // NOERROR, NXDOMAIN ...
	Addrs []netip.Addr
	CNAME string // the first one on the way, "" without
	// Aliases are all CNAME records of the answer, at most maxAddrs.
	Aliases   []Alias
	Truncated bool // over UDP; the reply is then the one that TCP gave
	RTT       time.Duration
	// Local is the source address of the query, also when there was no reply: over TCP
	// that of the last one. "" when none was sent.
	Local string
}

// maxAddrs is how many addresses of a reply are kept.
const maxAddrs = 32

// Ask sends one query from a new socket and returns the reply, whose ID and question
// are checked. The error of a reply that is none of the name's addresses is typed:
// nxdomain, nodata, servfail, dns-refused or protocol; KindOf tells. A truncated UDP
// reply is asked for again over TCP, as resolvers do (RFC 7766).
func Ask(ctx context.Context, q Question) (reply Reply, err error) {
	start := time.Now()
	defer func() {
		// Whatever a stranger's message does to a parser, the probe must outlive it.
		if r := recover(); r != nil {
			err = fmt.Errorf("the probe broke down over a DNS answer: %v", r)
		}
	}()
	qtype, known := dns.StringToType[q.Type]
	if !known {
		return Reply{}, fmt.Errorf("ask for %q: no such record type", q.Type)
	}
	m := new(dns.Msg).SetQuestion(dns.Fqdn(q.Name), qtype)
	var local string
	in, err := exchange(ctx, q, m, &local)
	truncated := err == nil && in.Truncated && q.Network == "udp"
	if truncated {
		q.Network = "tcp"
		if in, err = exchange(ctx, q, m, &local); err != nil {
			kind := KindOf(err, q.Server)
			if kind == "" {
				return Reply{Truncated: true, RTT: time.Since(start), Local: local}, err
			}
			err = problemf(kind, "truncated over udp, and tcp says %s", reason(err))
		}
	}
	reply = Reply{Truncated: truncated, RTT: time.Since(start), Local: local}
	if err != nil {
		return reply, err
	}
	return reply, reply.read(in, q)
}

// read is pure: it takes what an answer says. The error is that of Ask.
func (r *Reply) read(in *dns.Msg, q Question) error {
	r.Rcode = rcodeName(in.Rcode)
	for _, rr := range in.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			r.add(rr.A)
		case *dns.AAAA:
			r.add(rr.AAAA)
		case *dns.CNAME:
			if r.CNAME == "" {
				r.CNAME = Clean(rr.Target, 120)
			}
			if len(r.Aliases) < maxAddrs {
				r.Aliases = append(r.Aliases, Alias{rr.Hdr.Name, rr.Target})
			}
		}
	}
	slices.SortFunc(r.Addrs, netip.Addr.Compare)
	return verdict(in.Rcode, *r, q)
}

func (r *Reply) add(ip []byte) {
	if addr, ok := netip.AddrFromSlice(ip); ok && len(r.Addrs) < maxAddrs {
		r.Addrs = append(r.Addrs, addr.Unmap())
	}
}

// verdict types a reply without addresses.
func verdict(rcode int, r Reply, q Question) error {
	switch {
	case rcode == dns.RcodeNameError:
		return problemf(check.NXDomain, "%s does not exist", q.Name)
	case rcode == dns.RcodeServerFailure:
		return problemf(check.ServFail, "SERVFAIL for %s %s", q.Name, q.Type)
	case rcode != dns.RcodeSuccess:
		return problemf(check.DNSRefused, "%s for %s %s", r.Rcode, q.Name, q.Type)
	case len(r.Addrs) == 0:
		return problemf(check.NoData, "%s has no %s record", q.Name, q.Type)
	}
	return nil
}

// exchange sends m and waits for its reply. Over UDP, messages with another ID or
// question are passed over, since they may belong to somebody else's query; they are
// told when nothing better comes. The source address is written to local.
func exchange(ctx context.Context, q Question, m *dns.Msg, local *string) (*dns.Msg, error) {
	conn := &dns.Conn{UDPSize: dns.DefaultMsgSize}
	var err error
	if q.Network == "tcp" {
		var at origin
		conn.Conn, at, err = connectOne(ctx, q.Server, 1)
		*local = at.local
	} else if conn.Conn, err = dialUDP(ctx, q.Server); err == nil {
		*local = localOf(conn.Conn)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := conn.WriteMsg(m); err != nil {
		return nil, fmt.Errorf("send a DNS query: %w", err)
	}
	var stray error
	for {
		in, err := conn.ReadMsg()
		if err == nil {
			if err = answers(in, m); err == nil {
				return in, nil
			}
		}
		if q.Network == "tcp" && KindOf(err, q.Server) == check.Timeout {
			return nil, unanswered(deliveryOf(conn.Conn))
		}
		err = dnsError(err)
		var wrong *problem
		switch {
		case !errors.As(err, &wrong) && stray != nil && KindOf(err, q.Server) == check.Timeout:
			return nil, stray
		case !errors.As(err, &wrong), q.Network == "tcp":
			return nil, err
		}
		stray = err
	}
}

// answers says whether in is the reply to m.
func answers(in, m *dns.Msg) error {
	switch {
	case in.Id != m.Id:
		return problemf(check.Protocol, "answers with another ID than that of the query")
	case !in.Response:
		return problemf(check.Protocol, "sends a query instead of an answer")
	case len(in.Question) != 1 || !strings.EqualFold(in.Question[0].Name, m.Question[0].Name) || in.Question[0].Qtype != m.Question[0].Qtype:
		// Servers that cannot parse a query may leave its question out.
		if len(in.Question) == 0 && in.Rcode != dns.RcodeSuccess {
			return nil
		}
		return problemf(check.Protocol, "answers another question than that asked")
	}
	return nil
}

// dnsError makes a problem of what could not be unpacked; errors of the connection
// stay as they are.
func dnsError(err error) error {
	var judged *problem
	var conn net.Error
	if errors.As(err, &judged) || errors.As(err, &conn) || KindOf(err, nowhere) != "" || errors.Is(err, context.Canceled) {
		return err
	}
	return problemf(check.Protocol, "answers with a malformed DNS message: %s", Clean(err.Error(), 80))
}

func rcodeName(rcode int) string {
	if name, known := dns.RcodeToString[rcode]; known {
		return name
	}
	return fmt.Sprintf("rcode %d", rcode)
}

// Fail fills the attempt in from an error of Ask.
func (t *Try) Fail(ctx context.Context, err error, server netip.AddrPort) {
	t.fail(ctx, err, server, stageConnect)
}

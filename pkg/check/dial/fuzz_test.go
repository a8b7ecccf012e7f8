package dial

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func packed(f *testing.F, records ...string) []byte {
	f.Helper()
	m := new(dns.Msg).SetQuestion("a.example.", dns.TypeA)
	m.Id, m.Response = 7, true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	wire, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	return wire
}

// addresses is a second reading of an answer: that of golang.org/x/net. ok is false
// where it cannot read all of it, or reads an address out of what is not as long as one: it
// leaves the length of a record aside (RFC 1035, 3.2.1).
func addresses(data []byte) (addrs []netip.Addr, ok bool) {
	var p dnsmessage.Parser
	if _, err := p.Start(data); err != nil || p.SkipAllQuestions() != nil {
		return nil, false
	}
	answers, err := p.AllAnswers()
	if err != nil {
		return nil, false
	}
	for _, rr := range answers {
		if rr.Header.Class != dnsmessage.ClassINET {
			return nil, false
		}
		switch body := rr.Body.(type) {
		case *dnsmessage.AResource:
			if rr.Header.Length != 4 {
				return nil, false
			}
			addrs = append(addrs, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			if rr.Header.Length != 16 {
				return nil, false
			}
			addrs = append(addrs, netip.AddrFrom16(body.AAAA).Unmap())
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs, true
}

// FuzzDNS: answers of DNS servers. They are bounded and typed, their addresses are those
// that another parser finds, and a chain of aliases ends.
func FuzzDNS(f *testing.F) {
	f.Add(packed(f, "a.example. 5 IN A 192.0.2.1"))
	f.Add(packed(f, "a.example. 5 IN CNAME b.example.", "b.example. 5 IN CNAME a.example."))
	f.Add(packed(f, "a.example. 5 IN CNAME b.example.", "b.example. 5 IN AAAA 2001:db8::1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := new(dns.Msg)
		if err := in.Unpack(data); err != nil {
			if kind := KindOf(dnsError(err), nowhere); kind != check.Protocol {
				t.Errorf("%v is of kind %q", err, kind)
			}
			return
		}
		q := Question{Server: nowhere, Network: "udp", Name: "a.example.", Type: "A"}
		asked := new(dns.Msg).SetQuestion(q.Name, dns.TypeA)
		asked.Id = 7
		if err := answers(in, asked); err == nil && (in.Id != 7 || !in.Response) {
			t.Errorf("%v is taken for the answer", in)
		}
		var reply Reply
		err := reply.read(in, q)
		if well := in.Rcode == dns.RcodeSuccess && len(reply.Addrs) > 0; well != (err == nil) || !well && KindOf(err, nowhere) == "" {
			t.Errorf("%+v: %v", reply, err)
		}
		if len(reply.Addrs) > maxAddrs || len(reply.Aliases) > maxAddrs || reply.Rcode == "" {
			t.Errorf("%+v", reply)
		}
		if strings.ContainsAny(reply.CNAME, "\n\x1b") || !utf8.ValidString(reply.CNAME) {
			t.Errorf("CNAME %q", reply.CNAME)
		}
		if theirs, ok := addresses(data); ok && len(theirs) <= maxAddrs {
			if diff := cmp.Diff(theirs, reply.Addrs, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("x/net and we: %s", diff)
			}
		}
		chain := Chain{Names: []string{q.Name}}
		for range 3 {
			if chain.extend(reply.Aliases) != nil {
				break
			}
		}
		if len(chain.Names) > maxChain+1 {
			t.Errorf("%d aliases were followed", len(chain.Names))
		}
	})
}

// canned is a connection to a server that says the same whatever it is asked.
type canned struct {
	net.Conn
	says io.Reader
}

func (c canned) Read(p []byte) (int, error)       { return c.says.Read(p) }
func (c canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c canned) Close() error                     { return nil }
func (c canned) SetDeadline(time.Time) error      { return nil }
func (c canned) SetReadDeadline(time.Time) error  { return nil }
func (c canned) SetWriteDeadline(time.Time) error { return nil }
func (c canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// FuzzTalk: what a server says to each of the dialogs. There is an answer or an error,
// and what is told of it is one short line without control characters.
func FuzzTalk(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("-NOAUTH Authentication required.\r\n"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for proto, ask := range dialogs {
			s := &session{Conn: canned{says: bytes.NewReader(data)}, done: func() bool { return true }}
			answer, err := ask(t.Context(), s, Talk{Proto: proto, Host: "a.example"})
			if answer == "" && err == nil {
				t.Errorf("%s: neither an answer nor an error", proto)
			}
			told := answer
			var judged *problem
			if errors.As(err, &judged) {
				told += judged.detail
			}
			if len(told) > 1000 || strings.ContainsFunc(told, unicode.IsControl) || !utf8.ValidString(told) {
				t.Errorf("%s: %d bytes: %q", proto, len(told), told)
			}
		}
	})
}

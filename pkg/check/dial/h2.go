package dial

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// One call on one connection, with the frames of x/net/http2 alone: the client of
// net/http would bring its pool and its retries along, and says less of what a broken
// server does.

// Bounds of what a stranger may send.
const (
	maxH2Frame  = 16 << 10 // what a client takes that has not said otherwise (RFC 9113, 4.2)
	maxH2Frames = 64
	maxH2Fields = 16 << 10 // all names and values of a field section
	maxH2Field  = 4 << 10  // one name or value
	maxH2Body   = 4 << 10
	h2Stream    = 1
)

// h2Request is a call with a small body.
type h2Request struct {
	scheme, authority, path string
	body                    []byte
}

// h2Reply is what came back: the fields of header and trailer, and the body. ended says
// that the server ended the stream or the connection instead, "" when it did not.
type h2Reply struct {
	header map[string]string
	body   []byte
	ended  string
}

// h2Call makes one call on a fresh connection, and reads until the stream ends.
func h2Call(conn io.ReadWriter, q h2Request) (h2Reply, error) {
	out := bufio.NewWriter(conn)
	in := &endReader{Reader: conn}
	framer := http2.NewFramer(out, in)
	framer.SetMaxReadFrameSize(maxH2Frame)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.MaxHeaderListSize = maxH2Fields
	if err := h2Send(out, framer, q); err != nil {
		return h2Reply{}, fmt.Errorf("send: %w", err)
	}
	r := h2Reader{framer: framer, in: in, reply: h2Reply{header: map[string]string{}}}
	for n := range maxH2Frames {
		done, err := r.next(n == 0)
		if err == nil && !done {
			err = out.Flush() // what it acknowledges
		}
		if err != nil || done {
			return r.reply, err
		}
	}
	return r.reply, problemf(check.Protocol, "sends %d HTTP/2 frames and no end", maxH2Frames)
}

func h2Send(out *bufio.Writer, framer *http2.Framer, q h2Request) error {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", q.scheme}, {":path", q.path}, {":authority", q.authority},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"user-agent", userAgent},
	} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes all
	}
	_, _ = out.WriteString(http2.ClientPreface) // errors of the buffer stay until it is flushed
	return errors.Join(
		framer.WriteSettings(),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: h2Stream, BlockFragment: block.Bytes(), EndHeaders: true}),
		framer.WriteData(h2Stream, true, q.body),
		out.Flush(),
	)
}

// h2Reader reads the frames of one connection.
type h2Reader struct {
	framer *http2.Framer
	in     *endReader
	reply  h2Reply
}

// endReader knows whether the end was reached: a framer says "unexpected EOF" of a frame
// that is too short for what it is, too.
type endReader struct {
	io.Reader
	ended bool
}

func (r *endReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.ended = r.ended || err != nil
	return n, err
}

// next reads a frame; done says that the stream has ended.
func (r *h2Reader) next(first bool) (done bool, err error) {
	frame, err := r.framer.ReadFrame()
	if err != nil {
		return false, h2Problem(err, first, r.in.ended)
	}
	if settings, ok := frame.(*http2.SettingsFrame); first && (!ok || settings.IsAck()) {
		return false, problemf(check.Protocol, "answers a frame of HTTP/2 (%s) before its SETTINGS", frame.Header().Type)
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return false, r.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return false, r.framer.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		r.reply.ended = "ends the connection (GOAWAY)"
		return true, nil
	case *http2.RSTStreamFrame:
		if f.StreamID == h2Stream {
			r.reply.ended = "ends the stream (RST_STREAM)"
			return true, nil
		}
	case *http2.DataFrame:
		if f.StreamID == h2Stream {
			return r.data(f)
		}
	case *http2.MetaHeadersFrame:
		if f.StreamID == h2Stream {
			return r.fields(f)
		}
	}
	return false, nil
}

// h2Problem tells the end of a connection, and what happened to it, from frames that are
// none.
func h2Problem(err error, first, ended bool) error {
	var network net.Error
	switch {
	case ended && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return io.EOF
	case errors.As(err, &network), errors.Is(err, net.ErrClosed):
		return err
	case errors.Is(err, http2.ErrFrameTooLarge) && first:
		return problemf(check.Protocol, "answers something else than an HTTP/2 SETTINGS frame")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, http2.ErrFrameTooLarge), errors.As(err, new(http2.ConnectionError)), errors.As(err, new(http2.StreamError)):
		return problemf(check.Protocol, "sends HTTP/2 that is malformed, or too long: %s", Clean(err.Error(), 80))
	}
	return err
}

func (r *h2Reader) data(f *http2.DataFrame) (done bool, err error) {
	if len(r.reply.body)+len(f.Data()) > maxH2Body {
		return false, problemf(check.Protocol, "sends HTTP/2 data that is too long")
	}
	r.reply.body = append(r.reply.body, f.Data()...) // the frame's is used again
	return f.StreamEnded(), nil
}

func (r *h2Reader) fields(f *http2.MetaHeadersFrame) (done bool, err error) {
	for _, field := range f.Fields {
		if len(field.Name) > maxH2Field || len(field.Value) > maxH2Field {
			return false, problemf(check.Protocol, "sends HTTP/2 header fields that are too long")
		}
		if len(r.reply.header) < maxH2Frames {
			r.reply.header[field.Name] = field.Value
		}
	}
	if f.Truncated {
		return false, problemf(check.Protocol, "sends HTTP/2 header fields that are too long")
	}
	return f.StreamEnded(), nil
}

package dial

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/net/http2/hpack"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// This is the little of HTTP/2 (RFC 9113) that one call on one connection takes. The
// client of net/http would bring its pool, its retries and two megabytes along, and says
// less of what a broken server does.

const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Types and flags of frames (RFC 9113, section 6).
const (
	h2Data, h2Headers, h2Reset, h2Settings = 0, 1, 3, 4
	h2Ping, h2GoAway, h2Continuation       = 6, 7, 9

	h2EndStream, h2Ack, h2EndHeaders, h2Padded, h2Priority = 0x1, 0x1, 0x4, 0x8, 0x20
)

// Bounds of what a stranger may send.
const (
	maxH2Frame  = 16 << 10 // what a client takes that has not said otherwise (section 4.2)
	maxH2Frames = 64
	maxH2Block  = 16 << 10 // of compressed header fields
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
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", q.scheme}, {":path", q.path}, {":authority", q.authority},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"user-agent", userAgent},
	} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes all
	}
	out := []byte(h2Preface)
	out = appendFrame(out, h2Settings, 0, 0, nil)
	out = appendFrame(out, h2Headers, h2EndHeaders, h2Stream, block.Bytes())
	out = appendFrame(out, h2Data, h2EndStream, h2Stream, q.body)
	if _, err := conn.Write(out); err != nil {
		return h2Reply{}, fmt.Errorf("send: %w", err)
	}
	r := h2Reader{conn: conn, reply: h2Reply{header: map[string]string{}}}
	r.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if len(r.reply.header) < maxH2Frames {
			r.reply.header[f.Name] = f.Value
		}
	})
	r.dec.SetMaxStringLength(maxH2Field)
	for n := range maxH2Frames {
		done, err := r.next(n == 0)
		if err != nil || done {
			return r.reply, err
		}
	}
	return r.reply, problemf(check.Protocol, "sends %d HTTP/2 frames and no end", maxH2Frames)
}

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	out = append(out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// h2Reader reads the frames of one connection.
type h2Reader struct {
	conn  io.ReadWriter
	dec   *hpack.Decoder
	reply h2Reply
	// block is a field section that is not complete yet, and ends what ends with it.
	block []byte
	open  bool
	ends  bool
}

// next reads a frame; done says that the stream has ended.
func (r *h2Reader) next(first bool) (done bool, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return false, cutShort(err)
	}
	size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])&^(1<<31)
	if first && (kind != h2Settings || stream != 0) {
		return false, problemf(check.Protocol, "answers %q instead of an HTTP/2 SETTINGS frame", Clean(string(head[:]), 40))
	}
	if size > maxH2Frame {
		return false, problemf(check.Protocol, "sends an HTTP/2 frame of %d bytes", size)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r.conn, payload); err != nil {
		return false, cutShort(err)
	}
	switch {
	case kind == h2Settings && flags&h2Ack == 0:
		_, err = r.conn.Write(appendFrame(nil, h2Settings, h2Ack, 0, nil))
	case kind == h2Ping && flags&h2Ack == 0:
		_, err = r.conn.Write(appendFrame(nil, h2Ping, h2Ack, 0, payload))
	case kind == h2GoAway:
		r.reply.ended = "ends the connection (GOAWAY)"
		return true, nil
	case stream != h2Stream:
	case kind == h2Reset:
		r.reply.ended = "ends the stream (RST_STREAM)"
		return true, nil
	case kind == h2Data:
		return r.data(flags, payload)
	case kind == h2Headers || kind == h2Continuation:
		return r.fields(kind, flags, payload)
	}
	if err != nil {
		return false, fmt.Errorf("send: %w", err)
	}
	return false, nil
}

// cutShort makes one of the two ends that io.ReadFull tells apart.
func cutShort(err error) error {
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull returns it as it is
		return io.EOF
	}
	return err
}

func (r *h2Reader) data(flags byte, payload []byte) (done bool, err error) {
	payload, ok := unpadded(flags, payload)
	if !ok || len(r.reply.body)+len(payload) > maxH2Body {
		return false, problemf(check.Protocol, "sends HTTP/2 data that is malformed, or too long")
	}
	r.reply.body = append(r.reply.body, payload...)
	return flags&h2EndStream != 0, nil
}

func (r *h2Reader) fields(kind, flags byte, payload []byte) (done bool, err error) {
	ok := true
	if kind == h2Headers {
		r.open, r.block, r.ends = true, nil, flags&h2EndStream != 0
		payload, ok = unpadded(flags, payload)
		if flags&h2Priority != 0 && ok {
			const priority = 5
			if ok = len(payload) >= priority; ok {
				payload = payload[priority:]
			}
		}
	}
	if !ok || !r.open || len(r.block)+len(payload) > maxH2Block {
		return false, problemf(check.Protocol, "sends HTTP/2 header fields that are malformed, or too long")
	}
	r.block = append(r.block, payload...)
	if flags&h2EndHeaders == 0 {
		return false, nil
	}
	r.open = false
	if _, err := r.dec.Write(r.block); err != nil {
		return false, problemf(check.Protocol, "sends HTTP/2 header fields that cannot be read: %s", Clean(err.Error(), 80))
	}
	if err := r.dec.Close(); err != nil {
		return false, problemf(check.Protocol, "sends HTTP/2 header fields that are cut short")
	}
	return r.ends, nil
}

// unpadded takes the padding off a payload (section 6.1).
func unpadded(flags byte, payload []byte) ([]byte, bool) {
	if flags&h2Padded == 0 {
		return payload, true
	}
	if len(payload) == 0 || int(payload[0]) >= len(payload) {
		return nil, false
	}
	return payload[1 : len(payload)-int(payload[0])], true
}

package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrNoise is returned by a Reader that has passed over more than MaxNoise bytes.
var ErrNoise = errors.New("too much that is no frame")

// Skipped counts the lines that a Reader passed over, by reason.
type Skipped struct {
	Noise     int // no JSON object: a message, a panic, an empty line
	Oversize  int // longer than MaxLine
	Malformed int // begins like a frame but cannot be read as one
	Version   int // of another version
	Unknown   int // of a kind that this build does not know
	Bytes     int64
}

// Reader reads frames from a stream of lines and passes over everything else. It
// never holds more than MaxLine bytes of a line. It is for one goroutine.
type Reader struct {
	// OnSkip, when set, hears why a line was passed over. Empty lines are not told.
	OnSkip func(reason string)
	// OnVersion, when set, hears of frames of another version: the other end is of a
	// build that cannot be talked to. Lines that only look like a frame are not told.
	OnVersion func(version int)
	buf       *bufio.Reader
	line      []byte
	skipped   Skipped
}

// NewReader makes a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{buf: bufio.NewReaderSize(r, 16<<10)} }

// Skipped returns the counts so far.
func (r *Reader) Skipped() Skipped { return r.skipped }

// Next returns the next frame. At the end of the stream it returns io.EOF; a last
// line without a newline was cut off on its way and is not a frame. It returns
// ErrNoise after too much garbage, and otherwise the stream's own error.
func (r *Reader) Next() (Frame, error) {
	for {
		line, oversize, err := r.readLine()
		if err != nil {
			return nil, err
		}
		if oversize {
			r.skipped.Oversize++
			r.tell(fmt.Sprintf("a line longer than %d bytes", MaxLine))
		} else if frame := r.parse(line); frame != nil {
			return frame, nil
		}
		r.skipped.Bytes += int64(len(line)) + 1
		if r.skipped.Bytes > MaxNoise {
			return nil, ErrNoise
		}
	}
}

// readLine returns the next line without its newline. Of an oversize line it returns
// no more than MaxLine bytes, and has passed over the rest.
func (r *Reader) readLine() (line []byte, oversize bool, err error) {
	// A large line should not stay in memory for the life of a probe.
	if cap(r.line) > 256<<10 {
		r.line = nil
	}
	r.line = r.line[:0]
	for {
		part, err := r.buf.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, false, err
		}
		whole := err == nil
		if whole {
			part = part[:len(part)-1]
		}
		if oversize || len(r.line)+len(part) > MaxLine {
			oversize = true
			r.skipped.Bytes += int64(len(part))
			if r.skipped.Bytes > MaxNoise {
				return nil, false, ErrNoise
			}
		} else {
			r.line = append(r.line, part...)
		}
		if whole {
			return r.line, oversize, nil
		}
	}
}

// parse makes a frame of a line, or counts why it is none and returns nil.
func (r *Reader) parse(line []byte) Frame {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		r.skipped.Noise++
		if len(line) > 0 {
			r.tell("a line that is no frame")
		}
		return nil
	}
	if bytes.Count(line, []byte{','}) > MaxCommas {
		return r.malformed(errors.New("too many elements"))
	}
	var head Head
	if err := json.Unmarshal(line, &head); err != nil {
		return r.malformed(err)
	}
	if head.V != Version {
		r.skipped.Version++
		if r.OnVersion != nil && head.V > 0 && head.Kind != "" {
			r.OnVersion(head.V)
		}
		r.tell(fmt.Sprintf("a frame of version %d, this build speaks %d", head.V, Version))
		return nil
	}
	frame := blank(head.Kind)
	if frame == nil {
		r.skipped.Unknown++
		r.tell(fmt.Sprintf("a frame of unknown kind %.40q", string(head.Kind)))
		return nil
	}
	if err := json.Unmarshal(line, frame); err != nil {
		return r.malformed(err)
	}
	if len(head.Session) > MaxSession {
		return r.malformed(errors.New("session ID too long"))
	}
	return frame
}

func (r *Reader) malformed(err error) Frame {
	r.skipped.Malformed++
	r.tell(fmt.Sprintf("a frame that cannot be read: %.200s", err))
	return nil
}

func (r *Reader) tell(reason string) {
	if r.OnSkip != nil {
		r.OnSkip(reason)
	}
}

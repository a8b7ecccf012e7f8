package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// ErrTooLong says that a frame would be longer than MaxLine, or break MaxCommas.
var ErrTooLong = errors.New("frame too long")

// Encode returns a frame as one line, newline included. It fills in the frame's
// version and kind. A frame that no Reader would take gives ErrTooLong.
func Encode(f Frame) ([]byte, error) {
	head := f.head()
	head.V, head.Kind = Version, f.kind()
	line, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode %s frame: %w", f.kind(), err)
	}
	if len(line) > MaxLine {
		return nil, fmt.Errorf("encode %s frame of %d bytes: %w", f.kind(), len(line), ErrTooLong)
	}
	if commas := bytes.Count(line, []byte{','}); commas > MaxCommas {
		return nil, fmt.Errorf("encode %s frame with %d commas: %w", f.kind(), commas, ErrTooLong)
	}
	return append(line, '\n'), nil
}

// Writer writes frames, each with one Write, from any goroutine.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter makes a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one frame.
func (w *Writer) Write(f Frame) error {
	line, err := Encode(f)
	if err != nil {
		return err
	}
	return w.WriteLine(line)
}

// WriteLine writes a line that Encode made.
func (w *Writer) WriteLine(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(line)
	return err
}

// Split cuts a plan into parts of bounded length. p's Part and Parts are ignored.
func Split(p Plan) ([]*Plan, error) {
	if len(p.Tasks) > MaxResults {
		return nil, fmt.Errorf("a plan of %d tasks: %w (at most %d)", len(p.Tasks), ErrTooLong, MaxResults)
	}
	var parts []*Plan
	add := func(tasks []check.Task) {
		part := p
		part.Tasks = tasks
		parts = append(parts, &part)
	}
	start, size := 0, 0
	for i, t := range p.Tasks {
		line, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encode task %s: %w", t.ID, err)
		}
		if size > 0 && size+len(line) > partSize {
			add(p.Tasks[start:i])
			start, size = i, 0
		}
		size += len(line) + 1
	}
	add(p.Tasks[start:])
	for i, part := range parts {
		part.Part, part.Parts = i+1, len(parts)
	}
	return parts, nil
}

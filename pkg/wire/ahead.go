package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

const (
	// MaxAhead is the longest text that EncodeAhead makes, in bytes: Linux takes no
	// longer string in an environment than 128 KiB (fs/exec.c, MAX_ARG_STRLEN).
	MaxAhead = 96 << 10
	// maxUnpacked bounds what such a text may unpack to.
	maxUnpacked = 16 << 20
)

// EncodeAhead packs frames into a text that can be handed to a probe before it starts:
// in its environment. The error is ErrTooLong when they do not fit.
func EncodeAhead(frames ...Frame) (string, error) {
	var packed bytes.Buffer
	text := base64.NewEncoder(base64.StdEncoding, &packed)
	zip := gzip.NewWriter(text)
	for _, f := range frames {
		line, err := Encode(f)
		if err != nil {
			return "", err
		}
		if _, err := zip.Write(line); err != nil {
			return "", err
		}
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	if err := text.Close(); err != nil {
		return "", err
	}
	if packed.Len() > MaxAhead {
		return "", fmt.Errorf("frames of %d bytes when packed: %w", packed.Len(), ErrTooLong)
	}
	return packed.String(), nil
}

// DecodeAhead unpacks what EncodeAhead made, for a Reader. It is bounded; a text that
// is something else gives an error when it is read.
func DecodeAhead(text string) io.Reader { return &ahead{text: text} }

// ahead begins to unpack when it is read: the header of a gzip file may be wrong.
type ahead struct {
	text string
	r    io.Reader
}

func (a *ahead) Read(p []byte) (int, error) {
	if a.r == nil {
		zip, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(a.text)))
		if err != nil {
			return 0, fmt.Errorf("unpack frames: %w", err)
		}
		a.r = io.LimitReader(zip, maxUnpacked)
	}
	return a.r.Read(p)
}

package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "json", Summary: "the whole report as JSON (docs/report.schema.json)", Print: printJSON})
}

func printJSON(w io.Writer, r *report.Report, _ Options) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	// Nobody puts this into a page unescaped, and "a->b" is easier to read as it is.
	e.SetEscapeHTML(false)
	if err := e.Encode(legible(r)); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(out.Bytes(), func(r rune) bool { return r != '\n' && unsafe(r, false) }))
	return err
}

// legible has bytes that are no UTF-8 written as \xff, as everywhere: JSON and YAML cannot
// carry them, and a report that is read back must print as it did.
func legible(r *report.Report) *report.Report {
	return mapStrings(r, func(text string) string {
		if utf8.ValidString(text) {
			return text
		}
		var b strings.Builder
		for len(text) > 0 {
			c, size := utf8.DecodeRuneInString(text)
			if c == utf8.RuneError && size == 1 {
				fmt.Fprintf(&b, `\x%02x`, text[0])
			} else {
				b.WriteString(text[:size])
			}
			text = text[size:]
		}
		return b.String()
	})
}

// escapeJSON writes what must not reach a terminal, and what JSON lets stand as it is, in
// JSON's own way (RFC 8259, section 7). Such characters are in strings only.
func escapeJSON(text []byte, dangerous func(rune) bool) []byte {
	if !bytes.ContainsFunc(text, dangerous) {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		if !dangerous(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

package dial

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Dur writes a duration as reports do: "<0.1 ms", "0.4 ms", "12 ms", "2 s", "1.4 s".
func Dur(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 0.1:
		return "<0.1 ms"
	case ms < 9.95:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strings.TrimSuffix(strconv.FormatFloat(ms/1000, 'f', 1, 64), ".0") + " s"
}

// Clean makes text from the network fit for a sentence: one line, printable
// characters only, at most limit of them.
func Clean(text string, limit int) string {
	var b strings.Builder
	count := 0
	for _, r := range text {
		if count == limit {
			b.WriteRune('…')
			break
		}
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			r = '.'
		}
		b.WriteRune(r)
		count++
	}
	return strings.TrimSpace(b.String())
}

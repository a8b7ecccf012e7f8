package cluster

import (
	"fmt"
	"strings"
	"unicode"
)

// Bounds, in bytes, of what is kept of the API's free texts.
const (
	maxWord    = 253 // names and reasons
	maxMessage = 300 // messages of conditions and errors
)

// plain makes one printable line of a text from outside, at most limit bytes long.
// Runs of anything that is not printable become one space.
func plain(s string, limit int) string {
	// A rune is at most 4 bytes: what lies beyond cannot become part of the result
	// unless the text is full of control characters, and then it is not missed.
	if len(s) > 4*limit {
		s = s[:4*limit]
	}
	fields := strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	s = strings.Join(fields, " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}

// because joins a reason and a message as conditions have them.
func because(reason, message string) string {
	reason, message = plain(reason, maxWord), plain(message, maxMessage)
	switch {
	case message == "":
		return reason
	case reason == "":
		return message
	}
	return reason + ": " + message
}

// anyOf joins words for a question: "a", "a or b", "a, b or c".
func anyOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return fmt.Sprintf("%s or %s", strings.Join(words[:last], ", "), words[last])
}

package wire

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// Bounds of what a result may hold after Sanitize.
const (
	MaxAttempts = 1000
	MaxPhases   = 16
	MaxEvidence = 64
	// MaxText is the longest string, in bytes.
	MaxText = 2 << 10
	// MaxList bounds every other list: links, routes, neighbours ...
	MaxList = 1 << 15
	// MaxHeld is how much the results of a session may take in memory, in bytes, as
	// an Assembler counts it: those of 100,000 tasks, and the tables of a large node.
	MaxHeld = 128 << 20
)

// Sanitize makes a result from a probe fit for people: every string in it goes
// through Clean, and every list has a bound. It walks the whole structure, so that a
// field added later cannot be forgotten.
func Sanitize(r *check.Result) { sanitize(r) }

// sanitize is Sanitize, and returns about how many bytes of memory the result takes.
func sanitize(r *check.Result) int {
	r.Attempts = first(r.Attempts, MaxAttempts)
	for i := range r.Attempts {
		a := &r.Attempts[i]
		a.Phases = first(a.Phases, MaxPhases)
	}
	r.Evidence = first(r.Evidence, MaxEvidence)
	if r.Status < check.Unknown || r.Status > check.Fail {
		r.Status = check.Unknown
	}
	v := reflect.ValueOf(r).Elem()
	return int(v.Type().Size()) + walk(v)
}

// first returns the first elements of a list. It copies them, for a part of an array
// keeps all of it in memory.
func first[T any](list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	return slices.Clone(list[:most])
}

// SanitizeFrame does the same for the strings of any other frame.
func SanitizeFrame(f Frame) {
	if r, ok := f.(*Result); ok {
		Sanitize(&r.Result)
	}
	walk(reflect.ValueOf(f).Elem())
}

// walk cleans what is below v and returns about how many bytes it takes there, v's
// own not counted.
func walk(v reflect.Value) (size int) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(Clean(v.String(), MaxText))
		}
		size = v.Len()
	case reflect.Struct:
		for i := range v.NumField() {
			size += walk(v.Field(i))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			size = int(v.Elem().Type().Size()) + walk(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Len() // bytes are not text; nobody prints them
		}
		if v.Len() > MaxList && v.CanSet() {
			part := reflect.MakeSlice(v.Type(), MaxList, MaxList)
			reflect.Copy(part, v)
			v.Set(part)
		}
		size = v.Len() * int(v.Type().Elem().Size())
		for i := range v.Len() {
			size += walk(v.Index(i))
		}
	case reflect.Map:
		return walkMap(v)
	case reflect.Array:
		for i := range v.Len() {
			size += walk(v.Index(i))
		}
	}
	return size
}

// walkMap cleans the keys of a map of numbers by name, the only kind that results have;
// keys that are the same once cleaned leave one of them.
func walkMap(v reflect.Value) (size int) {
	dirty := v.Len() > MaxList
	for _, key := range v.MapKeys() {
		size += key.Len() + int(key.Type().Size()+v.Type().Elem().Size())
		dirty = dirty || Clean(key.String(), MaxText) != key.String()
	}
	if !dirty || !v.CanSet() {
		return size
	}
	clean := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		if clean.Len() < MaxList {
			clean.SetMapIndex(reflect.ValueOf(Clean(key.String(), MaxText)).Convert(key.Type()), v.MapIndex(key))
		}
	}
	v.Set(clean)
	return size
}

// Clean returns s as one harmless line of at most limit bytes: control characters
// (C0, C1, escape), invisible format characters such as those that reverse the
// direction of text, line and paragraph separators, and bytes that are no UTF-8
// become visible escapes; newlines and tabs become spaces. What is cut off is marked
// with an ellipsis.
func Clean(s string, limit int) string {
	if len(s) <= limit && harmless(s) {
		return s
	}
	const ellipsis = "…"
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+size]
		switch {
		case r == utf8.RuneError && size <= 1:
			piece = fmt.Sprintf(`\x%02x`, s[i])
		case r == '\n' || r == '\t' || r == '\r':
			piece = " "
		case !plain(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		rest := len(s) - i - size
		if b.Len()+len(piece) > limit || (rest > 0 && b.Len()+len(piece)+len(ellipsis) > limit) {
			if b.Len()+len(ellipsis) <= limit {
				b.WriteString(ellipsis)
			}
			break
		}
		b.WriteString(piece)
		i += size
	}
	return b.String()
}

func harmless(s string) bool {
	for i, r := range s {
		if !plain(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size <= 1 {
				return false
			}
		}
	}
	return true
}

// plain reports whether a rune may stand in a line on a terminal as it is.
func plain(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r)
}

package printer

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// Escape makes text from outside safe for one line of a terminal: control characters
// (an ESC could recolour, retitle or rewrite the screen), line breaks, the format
// characters that reorder or hide text (Trojan Source, CVE-2021-42574) and broken
// UTF-8 come out as \n, \x1b or \u202e.
func Escape(text string) string { return escape(text, false) }

func escape(text string, ascii bool) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unsafe(r, ascii) }) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteByte(' ')
		case !unsafe(r, ascii):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b.String()
}

func unsafe(r rune, ascii bool) bool {
	return r == utf8.RuneError || (ascii && r > unicode.MaxASCII) || (r != ' ' && !unicode.IsGraphic(r)) ||
		unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escaped returns a copy of r in which every string is escaped. Printers for people
// start from it, so that no field can be forgotten.
func escaped(r *report.Report, ascii bool) *report.Report {
	return mapStrings(r, func(text string) string { return escape(text, ascii) })
}

// mapStrings returns a copy of r with change applied to every string in it.
func mapStrings(r *report.Report, change func(string) string) *report.Report {
	return deepCopy(reflect.ValueOf(r), change).Interface().(*report.Report)
}

var addrType = reflect.TypeFor[netip.Addr]()

// deepCopy copies v and changes the strings in it. Times are taken over as they are, and
// maps, which only hold numbers by name and which no printer for people shows.
func deepCopy(v reflect.Value, change func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	if v.Type() == addrType {
		// The zone of an address is any text.
		if addr := v.Interface().(netip.Addr); addr.Zone() != "" {
			out.Set(reflect.ValueOf(addr.WithZone(change(addr.Zone()))))
		}
		return out
	}
	switch v.Kind() {
	case reflect.String:
		out.SetString(change(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(deepCopy(v.Elem(), change))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(deepCopy(v.Index(i), change))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(deepCopy(v.Field(i), change))
			}
		}
	}
	return out
}

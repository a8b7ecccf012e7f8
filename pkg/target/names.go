package target

import (
	"strconv"
	"strings"
)

// validLabel reports whether s is a DNS label as Kubernetes has it (RFC 1123): up
// to 63 lower case letters, digits and '-', beginning and ending with no '-'.
func validLabel(s string) bool {
	return len(s) <= 63 && validWord(s)
}

// validSubdomain reports whether s is labels joined by dots, up to 253 in all. Like
// the API server it does not limit a single label to 63.
func validSubdomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !validWord(label) {
			return false
		}
	}
	return true
}

// validPortName reports whether s is a container port's name (RFC 6335, 5.1): up to
// 15 lower case letters, digits and single '-', at least one letter.
func validPortName(s string) bool {
	return len(s) <= 15 && validWord(s) && !strings.Contains(s, "--") &&
		strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
}

// validHost reports whether s, in lower case, can be looked up: labels of up to 63,
// with underscores as in _dns._udp, and a dot at the end for an absolute name.
func validHost(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if len(label) > 63 || !validWord(strings.ReplaceAll(label, "_", "a")) {
			return false
		}
	}
	return true
}

// looksNumeric reports whether the last label is a number: what was meant to be an
// IPv4 address and is none. No top-level domain is a number (RFC 3696, 2).
func looksNumeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return digitsOnly(host[strings.LastIndexByte(host, '.')+1:])
}

// validWord reports whether s is lower case letters, digits and '-', the latter not
// at its ends.
func validWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		atEnd := i == 0 || i == len(s)-1
		if !alphanumeric && (atEnd || c != '-') {
			return false
		}
	}
	return s != ""
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// maxShown is how much of a target an error repeats.
const maxShown = 64

// clip shortens s for an error message.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}

// quote shows s in an error: clipped, escaped, and without what stands before an @
// in a URL, which may be a password.
func quote(s string) string {
	if before, after, isURL := strings.Cut(s, "://"); isURL {
		if at := strings.LastIndexByte(after, '@'); at >= 0 {
			s = before + "://***" + after[at:]
		}
	}
	return strconv.QuoteToASCII(clip(s))
}

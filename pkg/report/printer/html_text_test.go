package printer

import (
	"strings"
	"testing"
)

func TestBreakable(t *testing.T) {
	for text, want := range map[string]string{
		"10.244.0.51:9999":                        "10.244.0.51:9999",
		"[fd00:10:244::51]:9999":                  "[fd00:10:244::51]:9999",
		"[fd00:10:244:2::1a2b:3c4d]:8080":         "[fd00:10:244:2::1a2b:3c4d]:8080",
		"pod/shop/payments-7d9f5b6c4-x2x9f-again": "pod/|shop/|payments-|7d9f5b6c4-|x2x9f-|again",
		strings.Repeat("x", 45):                   strings.Repeat("x", 20) + "|" + strings.Repeat("x", 20) + "|" + strings.Repeat("x", 5),
	} {
		if got := strings.Join(breakable(text), "|"); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

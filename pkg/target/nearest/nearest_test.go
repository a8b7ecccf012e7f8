package nearest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	pods := []string{"web-7d9f-x2x9f", "web-7d9f-aaaaa", "api-0", "payments-0", "payments-1", "db"}
	tests := []struct {
		name       string
		word       string
		candidates []string
		want       []string
	}{
		{"swapped letters", "scv", []string{"svc", "sts", "pod"}, []string{"svc"}},
		{"continuation, sorted", "web", pods, []string{"web-7d9f-aaaaa", "web-7d9f-x2x9f"}},
		{"mistake before continuation", "payments-2", pods, []string{"payments-0", "payments-1"}},
		{"containment", "ments", pods, []string{"payments-0", "payments-1"}},
		{"nothing near", "zzzzzz", pods, []string{}},
		{"short words match little", "xy", pods, []string{}},
		{"limit", "payments", pods, []string{"payments-0", "payments-1"}},
		{"duplicates", "aip-0", []string{"api-0", "api-0"}, []string{"api-0"}},
		{"empty word", "", pods, []string{}},
		{"long candidate is left out", "web", []string{"web" + strings.Repeat("x", 300)}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Of(tt.word, tt.candidates, 2)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1},
		{"kitten", "sitting", 3}, {"pdo", "pod", 1}, {"sevrice", "service", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

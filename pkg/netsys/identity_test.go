package netsys

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCapEff(t *testing.T) {
	tests := []struct {
		name, status string
		want         []string
		fails        bool
	}{
		{name: "none", status: "Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n", want: []string{}},
		{name: "NET_RAW and NET_ADMIN", status: "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000003000\n", want: []string{"NET_ADMIN", "NET_RAW"}},
		{name: "of a newer kernel", status: "CapEff:\t8000010000000000\n", want: []string{"CHECKPOINT_RESTORE", "CAP_63"}},
		{name: "no number", status: "CapEff:\tmany\n", fails: true},
		{name: "absent", status: "CapPrm:\t0\n", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseCapEff(strings.NewReader(tt.status))
			if (err != nil) != tt.fails {
				t.Fatalf("error %v, want one: %v", err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

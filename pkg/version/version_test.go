package version

import (
	"runtime/debug"
	"testing"
)

func TestRevision(t *testing.T) {
	tests := []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{"none", nil, ""},
		{"clean", []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "false"}}, "0123456789ab"},
		{"dirty", []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "0123456789abcdef"}}, "0123456789ab-dirty"},
		{"short", []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}}, "0123"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := revision(test.settings); got != test.want {
				t.Errorf("revision = %q, want %q", got, test.want)
			}
		})
	}
}

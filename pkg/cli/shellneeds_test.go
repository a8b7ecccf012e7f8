package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/inject"
)

const toolboxFiles = "../../images/toolbox/files/usr/local/bin"

func TestNeeds(t *testing.T) {
	for _, tt := range []struct{ command, profile, want string }{
		{"tcpdump -n", "restricted", "netraw"},
		{"/usr/bin/tcpdump", "restricted", "netraw"},
		{"tcpdump", "netraw", ""},
		{"tcpdump", "node", ""},
		{"conntrack -L", "node", "netadmin"},
		{"nft list ruleset", "netadmin", ""},
		{"ip addr", "restricted", ""},
		{"", "restricted", ""},
	} {
		if got := profileFor(strings.Fields(tt.command), tt.profile); got != tt.want {
			t.Errorf("%q with %s needs %q, want %q", tt.command, tt.profile, got, tt.want)
		}
	}
}

// TestNeedsOfTools: the toolbox's own list has the same commands.
func TestNeedsOfTools(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(toolboxFiles, "tools"))
	if err != nil {
		t.Fatal(err)
	}
	for line, profile := range map[string]string{"raw": inject.NetRaw, "kernel": inject.NetAdmin} {
		m := regexp.MustCompile(`(?m)^` + line + ` +(.*) \(\$\(needs \d+ ` + profile + `\)\)$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("tools has no line %s for %s", line, profile)
		}
		for tool := range strings.SplitSeq(string(m[1]), ", ") {
			// traceroute needs it with some options only.
			if !strings.HasPrefix(tool, "traceroute ") && !slices.Contains(needing[profile], tool) {
				t.Errorf("%s needs %s", tool, profile)
			}
		}
	}
}

// TestShellEntry: what cannot be run is told in the words of who typed it.
func TestShellEntry(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("NETLOOK_REQUIRE_NETNS") != "" {
			t.Fatal(err) // CI leaves nothing out
		}
		t.Skip("no bash here: ", err)
	}
	for _, tt := range []struct {
		name, command, out string
		status             int
	}{
		{"there is none", "nosuchcmd", "nosuchcmd: no such command here; 'tools' lists what there is\n", 127},
		{"one", "true", "", 0},
		{"one by its path", "/bin/true", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(bash, filepath.Join(toolboxFiles, "netlook-shell"), "--lifetime=60", "--", tt.command)
			out, _ := cmd.CombinedOutput()
			if string(out) != tt.out || cmd.ProcessState.ExitCode() != tt.status {
				t.Errorf("status %d, says %q", cmd.ProcessState.ExitCode(), out)
			}
		})
	}
}

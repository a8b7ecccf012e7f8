package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestShellGoesFirst: what the toolbox's entry runs is what the kernel ends first, and
// not the application beside it.
func TestShellGoesFirst(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("NETLOOK_REQUIRE_NETNS") != "" {
			t.Fatal(err) // CI leaves nothing out
		}
		t.Skip("no bash on this machine")
	}
	const entry = "../toolbox/files/usr/local/bin/netlook-shell"
	if _, err := os.Stat(entry); err != nil { // go test sees by this that it has changed
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, entry, "cat", "/proc/self/oom_score_adj")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if got := strings.TrimSpace(string(out)); got != "1000" || stderr.Len() > 0 {
		t.Errorf("oom_score_adj is %s, want 1000; stderr: %s", got, &stderr)
	}
}

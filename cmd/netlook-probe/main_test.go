package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMain runs the program itself where a test has asked for it.
func TestMain(m *testing.M) {
	if os.Getenv("NETLOOK_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestGoesFirst: a probe that has said hello is what the kernel ends first, and not the
// application beside it.
func TestGoesFirst(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a probe runs on Linux only")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-wait", "30s")
	cmd.Env = append(os.Environ(), "NETLOOK_TEST_MAIN=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: an error is what is expected
	}()
	if _, err := bufio.NewReader(stdout).ReadByte(); err != nil {
		t.Fatalf("the probe says nothing: %v", err)
	}
	score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(score)); got != "1000" {
		t.Errorf("oom_score_adj is %s, want 1000", got)
	}
}

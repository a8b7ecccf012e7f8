package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestKeepDescriptors: a child sees a descriptor that was inherited only before.
func TestKeepDescriptors(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inherited, err := syscall.Dup(int(file.Fd())) // dup(2) leaves close-on-exec off, as inheriting does
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inherited)
	seen := func() bool {
		out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(out), file.Name())
	}
	if !seen() {
		t.Fatal("the child does not have what it should have inherited: this test shows nothing")
	}
	keepDescriptors()
	if seen() {
		t.Error("the child inherited the file")
	}
}

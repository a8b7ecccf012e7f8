//go:build linux

package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func (c Cache) compile(ctx context.Context, component Component, program string) error {
	command := exec.CommandContext(ctx, "go", component.arguments(program)...)
	command.Dir = filepath.Join(c.Sources, component.Module)
	// Static, so that it runs in an image of nothing; no workspace, so that the
	// component's own go.mod decides.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	var output bytes.Buffer
	command.Stdout, command.Stderr = io.Discard, &output
	// On Ctrl-C go removes its work folder if it is asked, not if it is killed.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	// Nor does it work on for nobody if this process is killed. The kernel sends the
	// signal when the thread that started it ends, so the thread is kept, see prctl(2).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w\n%s", err, tail(output.String(), 20))
	}
	return nil
}

// copyData copies the folder of a module, writable: the module cache is not.
func (c Cache) copyData(ctx context.Context, component Component, target string) error {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", component.Data.Module)
	command.Dir = filepath.Join(c.Sources, component.Module)
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("find the module %s: %w", component.Data.Module, err)
	}
	source := filepath.Join(strings.TrimSpace(string(output)), component.Data.Folder)
	return os.CopyFS(filepath.Join(target, component.Data.Folder), os.DirFS(source)) // writable, whatever the source is
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// goVersion asks in the folder of the sources: a go.mod can choose the toolchain,
// so that elsewhere go may be another.
func goVersion(ctx context.Context, folder string) (string, error) {
	command := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	command.Dir = folder
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("run go (Go 1.26 or newer must be on PATH): %w", err)
	}
	return strings.TrimSpace(string(output)), nil
}

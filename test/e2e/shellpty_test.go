//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// session is the plugin on a terminal.
type session struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu     sync.Mutex
	screen bytes.Buffer
	done   chan struct{} // all was read
}

func openShell(t *testing.T, size pty.Winsize, args ...string) *session {
	t.Helper()
	needToolbox(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := &session{t: t, done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, filepath.Join(cluster.root, "bin", "kubectl-netlook"), append([]string{"shell"}, args...)...)
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	var err error
	if s.tty, err = pty.StartWithSize(s.cmd, &size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.tty.Close() })
	go func() {
		defer close(s.done)
		buffer := make([]byte, 4096)
		for {
			n, err := s.tty.Read(buffer)
			s.mu.Lock()
			s.screen.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *session) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// sees waits until the terminal shows a text, and begins anew behind it.
func (s *session) sees(text string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(s.shown(), text) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the terminal does not show %q:\n%s", text, s.shown())
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.mu.Lock()
	s.screen.Next(strings.Index(s.screen.String(), text) + len(text))
	s.mu.Unlock()
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// ends returns the exit status.
func (s *session) ends() int {
	s.t.Helper()
	_ = s.cmd.Wait()
	<-s.done
	return s.cmd.ProcessState.ExitCode()
}

// TestShellTerminal: a prompt, the window's size and its changes, Ctrl-C for the
// command there and not for the plugin, and the status of the shell.
func TestShellTerminal(t *testing.T) {
	s := openShell(t, pty.Winsize{Rows: 40, Cols: 100}, "client", "-n", namespace)
	s.sees("netlook toolbox in pod/" + namespace + "/client, capabilities: none")
	s.sees("client$ ")
	s.types("stty size; echo $TERM\r")
	s.sees("40 100\r\nxterm-256color\r\n")
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 50, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s.types("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.1; done; echo re''sized\r")
	s.sees("resized\r\n")
	s.types("echo wai''ting; sleep 300\r")
	s.sees("waiting\r\n")
	s.types("\x03")
	s.sees("client$ ")
	s.types("exit 5\r")
	if code := s.ends(); code != 5 {
		t.Errorf("status %d\n%s", code, s.shown())
	}
	name := shellName.FindString(s.shown())
	if name == "" {
		t.Fatalf("does not say what remains:\n%s", s.shown())
	}
	shellEnds(t, "client", name)
}

// TestShellTerminalLost: a terminal that goes away ends the shell on the other side.
func TestShellTerminalLost(t *testing.T) {
	before := ephemeralContainers(t, namespace, "spare")
	s := openShell(t, pty.Winsize{Rows: 40, Cols: 100}, "spare", "-n", namespace)
	s.sees("spare$ ")
	s.types("echo wai''ting; sleep 300\r")
	s.sees("waiting\r\n")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := s.ends(); code != 2 {
		t.Errorf("status %d\n%s", code, s.shown())
	}
	added := slices.DeleteFunc(strings.Fields(ephemeralContainers(t, namespace, "spare")), func(name string) bool {
		return slices.Contains(strings.Fields(before), name)
	})
	if len(added) != 1 {
		t.Fatalf("added %v", added)
	}
	shellEnds(t, "spare", added[0])
}

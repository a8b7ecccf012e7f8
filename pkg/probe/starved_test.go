//go:build linux

package probe

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

const starvedEnv = "NETLOOK_TEST_STARVED"

// TestStarved: a probe that gets no time while its task's deadline and the grace after it
// pass still tells what the task has to say, once it runs again. The process is stopped
// for real: a synctest's clock stands still with it.
func TestStarved(t *testing.T) {
	if os.Getenv(starvedEnv) != "" {
		starve(t)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStarved$")
	cmd.Env = append(os.Environ(), starvedEnv+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	p := plan("a", "slow")
	p.Tasks[0].Timeout = check.Duration(200 * time.Millisecond)
	w := wire.NewWriter(stdin)
	for _, f := range []wire.Frame{open("a"), p} {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	for frames := wire.NewReader(stdout); ; {
		f, err := frames.Next()
		if err != nil {
			t.Fatalf("no result: %v", err)
		}
		switch f := f.(type) {
		case *wire.Beat: // the task runs
			if f.Running == 0 {
				continue
			}
			if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(200*time.Millisecond + taskGrace + 300*time.Millisecond) // this is the fault itself
			if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		case *wire.Result:
			if f.Result.Status != check.Fail || f.Result.Summary != "timed out" {
				t.Errorf("%s %q, want what the task said", f.Result.Status, f.Result.Summary)
			}
			return
		}
	}
}

// starve is the probe, whose task needs a moment after its deadline.
func starve(t *testing.T) {
	cfg := config()
	cfg.Registry.Add(check.Check{ID: "slow", Area: "test", Summary: "test", Plan: planNothing, Run: func(ctx context.Context, _ check.Task) check.Result {
		<-ctx.Done()
		time.Sleep(taskGrace / 5)
		return check.Result{Status: check.Fail, Failure: check.Timeout, Summary: "timed out"}
	}})
	cfg.In, cfg.Out, cfg.Log = os.Stdin, os.Stdout, os.Stderr
	Run(t.Context(), cfg)
}

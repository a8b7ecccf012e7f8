package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Budgets of memory, MB (docs/design.md, section 11).
const (
	healthyRSS = 25.0
	manyRSS    = 64.0
	pluginRSS  = 150.0
)

// pluginFill is how full the cluster is that the plugin's budget is for.
var pluginFill = Fill{Nodes: 5000, Pods: 50000}

// rssRow is a row of the probe's memory, whose floor is the same binary with no plan.
func rssRow(what string, limit float64) Row {
	return Row{What: what, Unit: MB, Budget: fmt.Sprintf("%.0f MB", limit), Limit: limit, Floor: "the same binary while it waits for a plan"}
}

// pluginRow is a row of the plugin's memory on a cluster that is so full. Whether it is
// within the budget is only told of a cluster that the budget is for.
func pluginRow(what string, fill Fill) Row {
	row := Row{What: "plugin's peak RSS, " + what, Unit: MB, Budget: fmt.Sprintf("%.0f MB at %d nodes, %d pods", pluginRSS, pluginFill.Nodes, pluginFill.Pods), Floor: "that of `kubectl get pod`"}
	if fill.Nodes >= pluginFill.Nodes && fill.Pods >= pluginFill.Pods {
		row.Limit = pluginRSS
	}
	return row
}

// measureRSS adds the peak of the probe that stays warm in a pod, and that of an idle one.
func (b *Bed) measureRSS(ctx context.Context, row *Row, pod string) error {
	object, err := b.client.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return err
	}
	peak, err := probePeak("/proc", string(object.UID))
	if err != nil {
		return fmt.Errorf("pod %s: %w", pod, err)
	}
	idle, err := b.idlePeak(ctx)
	row.Values.Add(peak)
	row.Floors.Add(idle)
	return err
}

// Healthy measures the probe's memory after a run on a healthy pod.
func (b *Bed) Healthy(ctx context.Context, rounds int) (Row, error) {
	row := rssRow("probe's peak RSS, healthy pod, all default checks", healthyRSS)
	for i := range rounds {
		pod := fmt.Sprintf("healthy-%d", i)
		if err := b.pod(ctx, pod); err != nil {
			return row, err
		}
		if _, err := b.netlook(ctx, "pod", pod, "-n", namespace, "--to", "svc/web"); err != nil {
			return row, err
		}
		if err := b.measureRSS(ctx, &row, pod); err != nil {
			return row, err
		}
	}
	return row, nil
}

// probePeak is the peak of the resident set, in MB, of the probes that run in a pod. The
// nodes of the test cluster are namespaces of this machine, so their processes are in our
// /proc; the pod's UID stands in their control group's path.
func probePeak(proc, uid string) (float64, error) {
	groups, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "cgroup"))
	if err != nil {
		return 0, err
	}
	uids := []string{uid, strings.ReplaceAll(uid, "-", "_")} // by the driver cgroupfs, by systemd
	peak := 0.0
	for _, file := range groups {
		group, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(group), uids[0]) && !strings.Contains(string(group), uids[1]) {
			continue // processes come and go
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(file), "status"))
		if err != nil || field(string(status), "Name") != "netlook-probe" {
			continue
		}
		mb, err := peakOf(string(status))
		if err != nil {
			return 0, err
		}
		peak = max(peak, mb)
	}
	if peak == 0 {
		return 0, errors.New("no probe runs in it")
	}
	return peak, nil
}

// field is a line of /proc/PID/status, proc_pid_status(5).
func field(status, name string) string {
	for line := range strings.Lines(status) {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// peakOf is VmHWM, the peak of the resident set, in MB.
func peakOf(status string) (float64, error) {
	value := field(status, "VmHWM")
	kib, err := strconv.ParseFloat(strings.TrimSuffix(value, " kB"), 64)
	if err != nil {
		return 0, fmt.Errorf("VmHWM of a process is %q", value)
	}
	return kib * 1024 / 1e6, nil
}

// idlePeak starts a probe on this machine and looks at it once it has said hello.
func (b *Bed) idlePeak(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "bin", "netlook-probe"), "--wait", "20s")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: an error is what is expected
	}()
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		return 0, fmt.Errorf("netlook-probe says nothing: %w", err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return peakOf(string(status))
}

// Peak is what `bench peak PROGRAM ARGS...` does: it runs a program and writes its peak
// RSS in bytes to the file that is open as descriptor 3. A process of its own is needed:
// Linux counts the memory of the process that starts another one to the new one's peak
// (getrusage(2), ru_maxrss; fs/exec.c), and the benchmark's own is as large as the
// plugin's. This one's is small.
func Peak(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell the memory of a process that has ended")
	}
	_, err = fmt.Fprint(os.NewFile(3, "peak"), usage.Maxrss*1024)
	return errors.Join(err, exitError(exit))
}

func exitError(exit *exec.ExitError) error {
	if exit == nil {
		return nil
	}
	return exit
}

// peakRSS runs a program on PATH by Peak and returns its peak RSS in MB.
func (b *Bed) peakRSS(ctx context.Context, name string, args ...string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return 0, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer func() { _ = read.Close() }()
	cmd := exec.CommandContext(ctx, self, append([]string{"peak", program}, args...)...)
	cmd.ExtraFiles = []*os.File{write}
	out, err := cmd.CombinedOutput()
	_ = write.Close()
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, tail(string(out)))
	}
	var bytes float64
	if _, err := fmt.Fscan(read, &bytes); err != nil {
		return 0, fmt.Errorf("peak of %s: %w", name, err)
	}
	return bytes / 1e6, nil
}

// PluginRSS measures the plugin's memory; the floor is kubectl's for `kubectl get pod`.
func (b *Bed) PluginRSS(ctx context.Context, what string, fill Fill, pod string, rounds int) (Row, error) {
	row := pluginRow(what, fill)
	var err error
	row.Floors, row.Values, err = alternate(rounds,
		func(int) (float64, error) { return b.peakRSS(ctx, "kubectl", "-n", namespace, "get", "pod", pod) },
		func(int) (float64, error) {
			return b.peakRSS(ctx, "kubectl-netlook", "pod", pod, "-n", namespace, "--to", "svc/web")
		})
	return row, err
}

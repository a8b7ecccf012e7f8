//go:build linux

// Package enter runs a command in the control group and namespaces of a member of
// the cluster. It is needed because namespaces belong to threads: a Go process that
// moves one of its threads keeps others behind, and the resolver, the dialer and
// goroutines run on those. So a process enters, and then becomes the command
// (execve), which also keeps its pid, its streams and its exit code.
package enter

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/cgroup"
)

// Command is the hidden command of testcluster that calls Exec with the Spec that
// is its only argument.
const Command = "internal-enter"

// Spec says where a command runs, and which.
type Spec struct {
	Cgroup  string   `json:"cgroup,omitempty"`  // below cgroup.Root; joined first
	Net     string   `json:"net,omitempty"`     // file of the network namespace
	Mount   string   `json:"mount,omitempty"`   // file of the mount namespace
	UTS     string   `json:"uts,omitempty"`     // file of the UTS namespace
	Private bool     `json:"private,omitempty"` // then make new mount and UTS namespaces
	Host    string   `json:"host,omitempty"`    // host name to set; needs Private
	Resolv  string   `json:"resolv,omitempty"`  // content for /etc/resolv.conf; needs Private
	Sysfs   bool     `json:"sysfs,omitempty"`   // mount a sysfs that shows Net; needs Private
	Env     []string `json:"env,omitempty"`     // NAME=VALUE, added to the environment
	Argv    []string `json:"argv"`
}

// Exec enters and becomes the command. It returns only if that fails.
func Exec(spec Spec) error {
	if len(spec.Argv) == 0 {
		return fmt.Errorf("no command given")
	}
	// Never unlocked: this thread is the one that becomes the command.
	runtime.LockOSThread()
	if spec.Cgroup != "" {
		groups, err := cgroup.Detect()
		if err != nil {
			return err
		}
		if err := groups.Create(spec.Cgroup); err != nil {
			return err
		}
		if err := groups.Join(spec.Cgroup); err != nil {
			return err
		}
	}
	folder, err := os.Getwd()
	if err != nil {
		folder = "/"
	}
	if err := setns(spec); err != nil {
		return err
	}
	if spec.Private {
		if err := private(spec); err != nil {
			return err
		}
	}
	if err := unix.Chdir(folder); err != nil { // a node's mounts may hide it
		if err := unix.Chdir("/"); err != nil {
			return err
		}
	}
	for _, variable := range spec.Env {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	program, err := exec.LookPath(spec.Argv[0])
	if err != nil {
		return err
	}
	if err := unix.Exec(program, spec.Argv, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

func setns(spec Spec) error {
	targets := []struct {
		file string
		kind int
	}{
		{spec.Net, unix.CLONE_NEWNET},
		{spec.UTS, unix.CLONE_NEWUTS},
		{spec.Mount, unix.CLONE_NEWNS},
	}
	// All are opened before the first is entered: afterwards the paths differ.
	descriptors := make([]int, len(targets))
	for i, target := range targets {
		descriptors[i] = -1
		if target.file == "" {
			continue
		}
		descriptor, err := unix.Open(target.file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open namespace %s: %w", target.file, err)
		}
		descriptors[i] = descriptor
	}
	// A mount namespace is entered only by a thread that shares its root and
	// working directory with no other, see setns(2).
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare the working directory: %w", err)
	}
	for i, target := range targets {
		if descriptors[i] < 0 {
			continue
		}
		if err := unix.Setns(descriptors[i], target.kind); err != nil {
			return fmt.Errorf("enter namespace %s: %w", target.file, err)
		}
	}
	return nil
}

func private(spec Spec) error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("make new namespaces: %w", err)
	}
	// Without it what is mounted from here on would appear on the machine.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if spec.Host != "" {
		if err := unix.Sethostname([]byte(spec.Host)); err != nil {
			return fmt.Errorf("set the host name: %w", err)
		}
	}
	if spec.Sysfs {
		if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("mount sysfs: %w", err)
		}
	}
	if spec.Resolv != "" {
		return bindContent(spec.Resolv, "/etc/resolv.conf")
	}
	return nil
}

// bindContent shows content in place of a file, in this mount namespace only.
func bindContent(content, target string) error {
	const folder = "/run"
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	file := folder + "/content"
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(file, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", target, err)
	}
	// The file stays reachable through the bind mount.
	return unix.Unmount(folder, unix.MNT_DETACH)
}

// Prepare gives the command line that makes this program enter and become
// spec.Argv in an environment of its own. The caller sets streams and starts it.
func Prepare(spec Spec) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, Command, string(encoded))
	// Nothing of the caller's but where programs are: HTTPS_PROXY would come between
	// the daemons, and ETCD_ or KUBE variables would configure them.
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	return command, nil
}

// Parse reads the argument of the hidden command.
func Parse(argument string) (Spec, error) {
	var spec Spec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		return spec, fmt.Errorf("%s: %w", Command, err)
	}
	return spec, nil
}

//go:build linux

// Package node makes a machine out of namespaces: what a node's daemons see of the
// file system, and their configuration files. Inside, everything is where it is on
// a real node - /var/lib/kubelet, /run/containerd, /etc/cni/net.d - while on the
// machine it lies in the state folder. It may import topology, underlay, pki and
// state.
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

// Command is the hidden command of testcluster that calls Hold with the Setup that
// is its only argument.
const Command = "internal-node"

// Setup is what the first process of a node is told. That process runs in the
// node's namespaces, prepares them, and keeps them for the daemons to enter.
type Setup struct {
	Name string   `json:"name"`
	Dir  string   `json:"dir"`  // the node's own files, see Folders
	Keep []string `json:"keep"` // folders that must stay visible under their paths
	DNS  string   `json:"dns"`  // name server
	Dual bool     `json:"dual"`
	BPF  bool     `json:"bpf"` // mount a file system for pinned eBPF objects
}

// Ready is written to standard output when the node is prepared.
const Ready = "ready\n"

// Folders maps folders below a node's own to where the node sees them.
func Folders() map[string]string {
	return map[string]string{
		"var-lib":   "/var/lib", // first: others lie below it
		"var-log":   "/var/log",
		"cni":       "/etc/cni/net.d",
		"manifests": "/etc/kubernetes/manifests",
		"flannel":   "/run/flannel",
	}
}

// order is that in which Folders are mounted.
func order() []string { return []string{"var-lib", "var-log", "cni", "manifests", "flannel"} }

// Hold prepares the node, says so, and waits for its end.
func Hold(argument string) error {
	var setup Setup
	if err := json.Unmarshal([]byte(argument), &setup); err != nil {
		return fmt.Errorf("%s: %w", Command, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := setup.prepare(); err != nil {
		return fmt.Errorf("prepare node %s: %w", setup.Name, err)
	}
	if _, err := fmt.Print(Ready); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (s Setup) prepare() error {
	if err := unix.Sethostname([]byte(s.Name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := s.sysctls(); err != nil {
		return err
	}
	if err := s.mounts(); err != nil {
		return err
	}
	files := map[string]string{
		"/etc/resolv.conf": "nameserver " + s.DNS + "\n",
		"/etc/hostname":    s.Name + "\n",
		"/etc/hosts":       "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + s.Name + "\n",
	}
	for name, content := range files {
		// It may be a link to a place that this node does not have.
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s Setup) sysctls() error {
	settings := map[string]string{
		"net/ipv4/ip_forward":                 "1",
		"net/bridge/bridge-nf-call-iptables":  "1",
		"net/bridge/bridge-nf-call-ip6tables": "1",
	}
	if s.Dual {
		settings["net/ipv6/conf/all/forwarding"] = "1"
	}
	return underlay.WriteSysctls(settings)
}

// tunables are kernel settings that kubelet would change for the whole
// machine, with the values it wants (pkg/kubelet/cm/container_manager_linux.go).
// Shown these, it has nothing to write.
func tunables() map[string]string {
	return map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
		// And these, which Cilium's agent would (pkg/datapath/loader/base.go).
		"kernel/unprivileged_bpf_disabled": "1",
		"kernel/timer_migration":           "0",
	}
}

// mounts builds the node's view. All of it is in this mount namespace only, so the
// end of the node's last process removes it.
func (s Setup) mounts() error {
	// Opened before anything is covered: a bind mount from the descriptor works
	// after the path no longer leads there.
	kept := map[string]int{}
	for _, path := range append([]string{"/sys/fs/cgroup"}, s.Keep...) {
		descriptor, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", path, err)
		}
		defer unix.Close(descriptor)
		kept[path] = descriptor
	}
	// The machine's own, as systemd and tc(8) make it, would still be listed below the new
	// /sys, and Cilium ends where it finds two.
	for unix.Unmount("/sys/fs/bpf", unix.MNT_DETACH) == nil {
	}
	// A sysfs mounted in this network namespace shows the node's interfaces. It
	// covers the control groups, without which kubelet ends.
	if err := mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := bindDescriptor(kept["/sys/fs/cgroup"], "/sys/fs/cgroup"); err != nil {
		return err
	}
	if s.BPF { // each mount is a file system of its own
		if err := mount("bpf", "/sys/fs/bpf", "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
			return err
		}
	}
	sources := map[string]int{}
	for _, name := range order() {
		descriptor, err := unix.Open(filepath.Join(s.Dir, name), unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s of node %s: %w", name, s.Name, err)
		}
		defer unix.Close(descriptor)
		sources[name] = descriptor
	}
	// Sockets, locks and pods' network namespaces: fresh, as after a boot.
	if err := mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	if err := overlayEtc(); err != nil {
		return err
	}
	for _, name := range order() {
		target := Folders()[name]
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := bindDescriptor(sources[name], target); err != nil {
			return err
		}
	}
	for _, path := range s.Keep {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := bindDescriptor(kept[path], path); err != nil {
			return err
		}
	}
	if err := coverTunables(); err != nil {
		return err
	}
	// Within the node mounts propagate, as on a machine with an init system: pods
	// may ask for it.
	return mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// overlayEtc lets the node change /etc without the machine seeing it.
func overlayEtc() error {
	const upper, work = "/run/netlook/etc/upper", "/run/netlook/etc/work"
	for _, folder := range []string{upper, work} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir="+upper+",workdir="+work)
}

func coverTunables() error {
	for name, value := range tunables() {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue // not in this kernel: kubelet will not find it either
		}
		cover := filepath.Join("/run/netlook/sys", name)
		if err := os.MkdirAll(filepath.Dir(cover), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(cover, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := mount(cover, target, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func bindDescriptor(descriptor int, target string) error {
	return mount(fmt.Sprintf("/proc/self/fd/%d", descriptor), target, "", unix.MS_BIND|unix.MS_REC, "")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

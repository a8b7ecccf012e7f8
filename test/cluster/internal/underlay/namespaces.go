//go:build linux

package underlay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// share makes Pinned a shared mount of itself, as the first `ip netns add` on a machine
// does (iproute2: ip/ipnetns.c, netns_add). Done here, before anything is pinned: done
// later by others, their mount would cover ours, which could then not be removed.
func share() error {
	if err := os.MkdirAll(Pinned, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", Pinned, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) { // EINVAL: it is no mount yet
		return err
	}
	if err := unix.Mount(Pinned, Pinned, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", Pinned, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// pin makes a named network namespace, with its loopback up.
func pin(member string) error {
	var failed error
	done := make(chan struct{})
	// On a thread of its own that is never unlocked, so that Go ends it: it stays
	// in the new namespace.
	go func() {
		defer close(done)
		runtime.LockOSThread()
		handle, err := netns.NewNamed(topology.Netns(member))
		if err != nil {
			failed = err
			return
		}
		handle.Close()
	}()
	<-done
	if failed != nil {
		return failed
	}
	handle, err := open(member)
	if err != nil {
		return err
	}
	defer handle.Close()
	return up(handle, "lo")
}

func open(member string) (*netlink.Handle, error) {
	ns, err := netns.GetFromName(topology.Netns(member))
	if err != nil {
		return nil, err
	}
	defer ns.Close() // the handle's socket stays in the namespace
	return netlink.NewHandleAt(ns)
}

// Sysctls writes settings, named by their path below /proc/sys, in a member's
// network namespace.
func Sysctls(member string, settings map[string]string) error {
	var failed error
	done := make(chan struct{})
	go func() { // see pin for why a thread is given up
		defer close(done)
		runtime.LockOSThread()
		ns, err := netns.GetFromName(topology.Netns(member))
		if err != nil {
			failed = err
			return
		}
		defer ns.Close()
		if failed = netns.Set(ns); failed != nil {
			return
		}
		failed = WriteSysctls(settings)
	}()
	<-done
	return failed
}

// WriteSysctls writes settings in the network namespace of the calling thread.
func WriteSysctls(settings map[string]string) error {
	for name, value := range settings {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", strings.ReplaceAll(name, "/", "."), err)
		}
	}
	return nil
}

// Remove removes everything that Create makes, whatever of it is there.
func Remove() error {
	var failures []error
	// The machine's veth first and by hand: with its namespace it would go too, but
	// only some time later, in a kernel thread.
	if link, err := netlink.LinkByName(topology.MachineLink); err == nil {
		if err := netlink.LinkDel(link); err != nil {
			failures = append(failures, fmt.Errorf("remove %s: %w", topology.MachineLink, err))
		}
	}
	names, err := pinned()
	if err != nil {
		failures = append(failures, err)
	}
	for _, name := range names {
		if err := unpin(filepath.Join(Pinned, name)); err != nil {
			failures = append(failures, fmt.Errorf("remove network namespace %s: %w", name, err))
		}
	}
	// Ours if it is empty; not empty means that others use it.
	if entries, err := os.ReadDir(Pinned); err == nil && len(entries) == 0 {
		_ = unix.Unmount(Pinned, 0) // EINVAL: no mount
	}
	if err := unix.Rmdir(Pinned); err != nil && !errors.Is(err, unix.ENOENT) &&
		!errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// unpin lets go of a named namespace. netns.DeleteNamed would do, were the file
// always a mount: it is a plain one if `up` was killed between making and mounting
// it, and after a restart of a machine that keeps /run on a disk.
func unpin(file string) error {
	err := unix.Unmount(file, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: nothing is mounted there
		return err
	}
	return os.Remove(file)
}

// Left lists what still is of the cluster in the machine's namespaces.
func Left() ([]string, error) {
	var left []string
	if _, err := netlink.LinkByName(topology.MachineLink); err == nil {
		left = append(left, "link "+topology.MachineLink)
	}
	names, err := pinned()
	for _, name := range names {
		left = append(left, "network namespace "+name)
	}
	return left, err
}

func pinned() ([]string, error) {
	entries, err := os.ReadDir(Pinned)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), topology.Prefix) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

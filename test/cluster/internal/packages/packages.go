// Package packages sees to the programs that the cluster takes from the
// distribution: the container runtime and what reads and writes the kernel's
// network state. Standard library only.
package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// CNIFolders are where distributions keep the CNI plugins.
func CNIFolders() []string {
	return []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
}

// need is a program and the Debian package that brings it.
type need struct{ program, debian string }

func needs() []need {
	return []need{
		{"containerd", "containerd"}, {"ctr", "containerd"}, {"containerd-shim-runc-v2", "containerd"},
		{"runc", "runc"},
		{"iptables", "iptables"}, {"ip6tables", "iptables"}, {"nft", "nftables"},
		{"ipset", "ipset"}, {"conntrack", "conntrack"},
		{"ip", "iproute2"}, {"bridge", "iproute2"}, {"tc", "iproute2"},
		{"ethtool", "ethtool"}, {"sysctl", "procps"}, {"mount", "mount"}, {"modprobe", "kmod"},
	}
}

// CNIFolder finds the CNI plugins.
func CNIFolder() (string, error) {
	for _, folder := range CNIFolders() {
		complete := true
		for _, plugin := range []string{"bridge", "host-local", "portmap", "loopback"} {
			if _, err := os.Stat(filepath.Join(folder, plugin)); err != nil {
				complete = false
			}
		}
		if complete {
			return folder, nil
		}
	}
	return "", fmt.Errorf("no CNI plugins in %s", strings.Join(CNIFolders(), ", "))
}

// missing lists the packages to install, sorted.
func missing(look func(program string) error) []string {
	var packages []string
	for _, need := range needs() {
		if look(need.program) != nil {
			packages = append(packages, need.debian)
		}
	}
	if _, err := CNIFolder(); err != nil {
		packages = append(packages, "containernetworking-plugins")
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

func look(program string) error {
	_, err := exec.LookPath(program)
	return err
}

// Ensure installs what is missing, on Debian and its like; elsewhere it names it.
func Ensure(ctx context.Context, progress func(format string, arguments ...any)) error {
	packages := missing(look)
	if len(packages) == 0 {
		return nil
	}
	if look("apt-get") != nil {
		return fmt.Errorf("missing (by their Debian names): %s; install them and try again", strings.Join(packages, " "))
	}
	progress("installing %s", strings.Join(packages, " "))
	before := serviceActive(ctx)
	for _, arguments := range [][]string{
		{"update", "-qq"},
		append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...),
	} {
		command := exec.CommandContext(ctx, "apt-get", arguments...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s; install by hand: %s",
				arguments[0], err, lastLine(string(output)), strings.Join(packages, " "))
		}
	}
	if still := missing(look); len(still) > 0 {
		return fmt.Errorf("installed, yet missing: %s; is PATH complete (/usr/sbin)?", strings.Join(still, " "))
	}
	if slices.Contains(packages, "containerd") && !before {
		return stopService(ctx)
	}
	return nil
}

// serviceActive tells whether the distribution's own containerd runs.
func serviceActive(ctx context.Context) bool {
	return exec.CommandContext(ctx, "systemctl", "--quiet", "is-active", "containerd").Run() == nil
}

// stopService stops the containerd that installing the package started: the
// cluster's nodes run their own, and nobody asked for the machine's.
func stopService(ctx context.Context) error {
	if !serviceActive(ctx) {
		return nil
	}
	err := exec.CommandContext(ctx, "systemctl", "--quiet", "disable", "--now", "containerd").Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("stop the containerd service that the installation started: %w; run systemctl disable --now containerd", err)
	}
	return err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

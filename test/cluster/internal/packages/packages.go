// Package packages sees to the programs that the cluster takes from the
// distribution: the container runtime and what reads and writes the kernel's
// network state. It imports the standard library and topology only.
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

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// CNIFolders are where distributions keep the CNI plugins.
func CNIFolders() []string {
	return []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
}

// need is a program and the Debian package that brings it.
type need struct{ program, debian string }

func needs(cni string) []need {
	needs := []need{
		{"containerd", "containerd"}, {"ctr", "containerd"}, {"containerd-shim-runc-v2", "containerd"},
		{"runc", "runc"},
		{"iptables", "iptables"}, {"ip6tables", "iptables"}, {"nft", "nftables"},
		{"ipset", "ipset"}, {"conntrack", "conntrack"},
		{"ip", "iproute2"}, {"bridge", "iproute2"}, {"tc", "iproute2"},
		{"ethtool", "ethtool"}, {"curl", "curl"}, {"openssl", "openssl"}, {"perl", "perl-base"}, {"sysctl", "procps"}, {"mount", "mount"}, {"modprobe", "kmod"},
		{"xmllint", "libxml2-utils"}, // validates what -o junit writes
	}
	if cni == topology.Cilium || cni == Tests { // its agent compiles
		needs = append(needs, need{LLVM + "/clang", "clang-19"}, need{LLVM + "/llc", "llvm-19"})
	}
	if cni == Tests {
		needs = append(needs, need{"chromium", "chromium"}) // test/browser
	}
	return needs
}

// Tests stands for every pod network, and for what the project's tests need besides.
const Tests = "tests"

// LLVM is where Debian keeps the compiler of this version under its plain names.
const LLVM = "/usr/lib/llvm-19/bin"

// Path adds to a PATH the folders of the administrator's programs, which that of a
// user, of cron or of su(1) without a dash lacks.
func Path(path string) string {
	folders := filepath.SplitList(path)
	for _, folder := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return strings.Join(folders, string(filepath.ListSeparator))
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
func missing(cni string, look func(program string) error) []string {
	var packages []string
	for _, need := range needs(cni) {
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

// Missing lists, by their Debian names, the packages that a cluster with this pod
// network needs and that are not installed.
func Missing(cni string) []string { return missing(cni, look) }

// Ensure installs what is missing, on Debian and its like; elsewhere it names it.
func Ensure(ctx context.Context, cni string, progress func(format string, arguments ...any)) error {
	packages := Missing(cni)
	if len(packages) == 0 {
		return nil
	}
	if look("apt-get") != nil {
		return fmt.Errorf("missing (by their Debian names): %s; install them and try again", strings.Join(packages, " "))
	}
	progress("installing %s", strings.Join(packages, " "))
	before := serviceActive(ctx)
	install := []string{
		"install", "-y", "-qq", "--no-install-recommends",
		"-o", "DPkg::Lock::Timeout=120", // a machine that has just booted updates itself
	}
	for _, arguments := range [][]string{{"update", "-qq"}, append(install, packages...)} {
		command := exec.CommandContext(ctx, "apt-get", arguments...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		// Asked, apt-get lets dpkg finish; killed, it leaves packages half-configured
		// for somebody to repair.
		command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
		if output, err := command.CombinedOutput(); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("apt-get %s: %w: %s; install by hand: %s",
				arguments[0], err, lastLine(string(output)), strings.Join(packages, " "))
		}
	}
	if still := Missing(cni); len(still) > 0 {
		return fmt.Errorf("installed, yet their programs are not on PATH: %s", strings.Join(still, " "))
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

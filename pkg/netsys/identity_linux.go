package netsys

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Capabilities returns the names, without CAP_, of the capabilities that this
// process really holds: the effective set as the kernel tells it. What a pod's spec
// added is no measure, since a non-root user does not get it into its effective set.
func Capabilities() ([]string, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil, fmt.Errorf("read capabilities: %w", err)
	}
	defer f.Close()
	names, err := parseCapEff(f)
	if err != nil {
		return nil, fmt.Errorf("read capabilities from %s: %w", f.Name(), err)
	}
	return names, nil
}

// NetnsID returns the inode number of this process's network namespace, which
// identifies it on its machine (namespaces(7)).
func NetnsID() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil {
		return 0, fmt.Errorf("identify the network namespace: %w", err)
	}
	return st.Ino, nil
}

// UID returns the effective user ID of this process.
func UID() int { return os.Geteuid() }

// holds reports whether a capability is in the effective set.
func holds(name string) bool {
	names, err := Capabilities()
	return err == nil && slices.Contains(names, name)
}

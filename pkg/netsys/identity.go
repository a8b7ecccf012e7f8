package netsys

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// capabilityNames are the kernel's capabilities by their bit, without CAP_
// (include/uapi/linux/capability.h).
var capabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
	"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// parseCapEff reads the effective capabilities from the text of
// /proc/PID/status (proc_pid_status(5)), in the order of their bits. Bits of a newer
// kernel are named by number.
func parseCapEff(status io.Reader) ([]string, error) {
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		value, found := strings.CutPrefix(lines.Text(), "CapEff:")
		if !found {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("parse CapEff: %w", err)
		}
		names := []string{}
		for bit := range 64 {
			if mask&(1<<bit) == 0 {
				continue
			}
			if bit < len(capabilityNames) {
				names = append(names, capabilityNames[bit])
			} else {
				names = append(names, "CAP_"+strconv.Itoa(bit))
			}
		}
		return names, nil
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("no CapEff line")
}

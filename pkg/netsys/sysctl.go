package netsys

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// SysctlRoot is where the kernel shows its settings. /proc/sys/net shows those of
// the network namespace of whoever reads it.
const SysctlRoot = "/proc/sys"

// maxSysctlValue bounds one setting's text, in bytes.
const maxSysctlValue = 4096

// Sysctls reads kernel settings below root (SysctlRoot in earnest), sorted by name.
// A pattern is a path with slashes, relative to root, in which * stands for any one
// element ("net/ipv4/conf/*/rp_filter"). The name of an interface may hold dots:
// those appear as slashes in the result, as sysctl(8) prints them. What does not
// exist or cannot be read is absent from the result.
func Sysctls(root fs.FS, patterns ...string) []facts.Sysctl {
	found := map[string]string{}
	for _, pattern := range patterns {
		// The only error is a malformed pattern, and patterns are ours.
		paths, _ := fs.Glob(root, pattern)
		for _, path := range paths {
			if len(found) >= MaxEntries {
				break
			}
			if value, err := readSetting(root, path); err == nil {
				found[sysctlName(path)] = value
			}
		}
	}
	list := make([]facts.Sysctl, 0, len(found))
	for name, value := range found {
		list = append(list, facts.Sysctl{Name: name, Value: value})
	}
	slices.SortFunc(list, func(a, b facts.Sysctl) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// SystemSysctls is Sysctls of the running kernel.
func SystemSysctls(patterns ...string) []facts.Sysctl {
	return Sysctls(os.DirFS(SysctlRoot), patterns...)
}

// ReadConntrack reads how full the connection tracking table is, and how large it
// may grow. The error is fs.ErrNotExist when conntrack is not loaded, and anything but
// a number of entries is one as well.
func ReadConntrack(root fs.FS) (facts.Conntrack, error) {
	var c facts.Conntrack
	for name, into := range map[string]*int{"count": &c.Count, "max": &c.Max} {
		path := "net/netfilter/nf_conntrack_" + name
		text, err := readSetting(root, path)
		if err != nil {
			return facts.Conntrack{}, fmt.Errorf("read conntrack %s: %w", name, err)
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return facts.Conntrack{}, fmt.Errorf("read conntrack %s: %w", name, err)
		}
		*into = int(n)
	}
	return c, nil
}

func readSetting(root fs.FS, path string) (string, error) {
	f, err := root.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSysctlValue))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(data)), nil
}

// sysctlName turns a path into the dotted name: the separators become dots, and
// dots that belong to a name become slashes.
func sysctlName(path string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return '.'
		case '.':
			return '/'
		}
		return r
	}, path)
}

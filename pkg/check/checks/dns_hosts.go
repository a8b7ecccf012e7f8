package checks

import (
	"net/netip"
	"strings"
)

// lookupHosts is the address that a hosts(5) file gives a name, "" when it gives none:
// resolvers ask it first, and a pod's hostAliases are written there.
func lookupHosts(path, name string) string {
	data, err := readBounded(path)
	if err != nil {
		return "" // without the file, DNS decides
	}
	name = strings.TrimSuffix(name, ".")
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i, field := range fields {
			if i == 0 || !strings.EqualFold(field, name) {
				continue
			}
			if addr, err := netip.ParseAddr(fields[0]); err == nil {
				return addr.String()
			}
		}
	}
	return ""
}

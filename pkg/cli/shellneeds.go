package cli

import (
	"path"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// needing are commands of the toolbox that say "Operation not permitted" without a
// capability, by the profile that has it: as images/toolbox/files/usr/local/bin/tools
// says inside.
var needing = map[string][]string{
	inject.NetRaw:   {"tcpdump", "mtr", "arping", "ndisc6", "rdisc6"},
	inject.NetAdmin: {"nft", "iptables", "ip6tables", "conntrack", "ipset", "ipvsadm"},
}

// profileFor is the profile that a command takes and this one is not, or "".
func profileFor(command []string, profile string) string {
	if len(command) == 0 || profile == inject.NetAdmin {
		return ""
	}
	name := path.Base(command[0])
	switch {
	case slices.Contains(needing[inject.NetAdmin], name):
		return inject.NetAdmin
	case slices.Contains(needing[inject.NetRaw], name) && profile == inject.Restricted:
		return inject.NetRaw
	}
	return ""
}

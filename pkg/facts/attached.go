package facts

import (
	"fmt"
	"slices"
	"strings"
)

// The places of an interface at which programs and filters are attached.
const (
	XDP    = "xdp"    // before the kernel makes a packet of what was received
	TC     = "tc"     // filters of a qdisc clsact or ingress, see tc(8)
	TCX    = "tcx"    // eBPF programs, before those of tc
	Netkit = "netkit" // eBPF programs of a netkit device
)

// Police is what Attached.Takes has of an action that drops what is beyond a rate.
const Police = "police (drop beyond a rate)"

// Attached is a program or a filter at an interface. It decides about packets before the
// packet filter sees them (ingress), or behind it (egress): what it takes is in no rule,
// and in next to no counter.
type Attached struct {
	Dev       string `json:"dev"`
	Hook      string `json:"hook"`           // xdp, tc, tcx, netkit
	Direction string `json:"direction"`      // ingress, egress
	Mode      string `json:"mode,omitempty"` // of XDP: native, generic, offloaded
	// Kind, Pref, Handle and Protocol name a filter of tc: u32, 49152, 800::800, ip. Protocol
	// is "" where that takes more, a chain.
	Kind     string `json:"kind,omitempty"`
	Pref     uint16 `json:"pref,omitempty"`
	Handle   string `json:"handle,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	// Decides says that it is an eBPF program whose verdict counts: it may drop, send
	// elsewhere or let pass, which cannot be told from outside. ID is the kernel's number
	// of it, and Program its name, "" where that may not be read.
	Decides bool   `json:"decides,omitempty"`
	ID      uint32 `json:"id,omitempty"`
	Program string `json:"program,omitempty"`
	// Takes are a filter's actions which take packets off their way: "drop", "redirect to
	// eth1 (bridge)".
	Takes []string `json:"takes,omitempty"`
	// Packets is how many were taken, as CountedBy counts them; nil where nothing does.
	Packets   *uint64 `json:"packets,omitempty"`
	CountedBy string  `json:"countedBy,omitempty"`
	// Pods are the addresses behind its interface, where that leads to a pod and it is
	// known to which.
	Pods []string `json:"pods,omitempty"`
	// Match is what a filter asks of a packet; a program's own conditions are not known.
	Match *Match `json:"match,omitempty"`
}

// Name is where it is attached, and what it is: "tc ingress of eth0, u32 pref 49152
// 800::800", "XDP (generic) of eth0, program 12 cil_xdp_entry".
func (a Attached) Name() string {
	var text string
	switch a.Hook {
	case XDP:
		text = fmt.Sprintf("XDP (%s) of %s", a.Mode, a.Dev)
	default:
		text = fmt.Sprintf("%s %s of %s", a.Hook, a.Direction, a.Dev)
	}
	if a.Kind != "" {
		text += fmt.Sprintf(", %s pref %d", a.Kind, a.Pref)
		if a.Handle != "" {
			text += " " + a.Handle
		}
	}
	if a.ID > 0 {
		text += fmt.Sprintf(", program %d", a.ID)
	}
	if a.Program != "" {
		text += " " + a.Program
	}
	return text
}

// Counter is its name in Kernel.Counters.
func (a Attached) Counter() string { return "attached." + a.Name() }

// Owner is the network plugin whose programs have names of this kind, nil for none.
func (a Attached) Owner() *Plugin {
	if a.Program == "" {
		return nil
	}
	// tc(8) names what it loads by file and section: bpf_lxc.o:[from-container].
	if i := slices.IndexFunc(Plugins, func(p Plugin) bool {
		return slices.ContainsFunc(p.Programs, func(known string) bool { return strings.HasPrefix(a.Program, known) })
	}); i >= 0 {
		return &Plugins[i]
	}
	return nil
}

// Foreign reports whether it may take packets and is not the plugin's that the cluster
// runs, as far as that is known. A program without a name is somebody else's only where
// the plugin attaches none.
func (a Attached) Foreign(plugin string) bool {
	if !a.Decides && len(a.Takes) == 0 {
		return false
	}
	if owner := a.Owner(); owner != nil {
		return plugin != "" && owner.Name != plugin
	}
	p := PluginNamed(plugin)
	switch {
	case p != nil && p.Aside == aside && (a.Kind == "flower" || !slices.ContainsFunc(a.Takes, func(takes string) bool { return takes != Police })) && !a.Decides:
		return false // Open vSwitch has its flows done by the hardware so, and bounds what a port sends
	case len(a.Takes) > 0 || a.Program != "":
		return true
	}
	return p != nil && len(p.Programs) == 0
}

// Unplaced reports whether it may as well be a program of the network plugin, which is not
// one of those known here: its names are not known either.
func (a Attached) Unplaced(plugin string) bool {
	return PluginNamed(plugin) == nil && a.Decides && a.Owner() == nil
}

// Drop is it as a rule of the packet filter which asks for its interface.
func (a Attached) Drop() Drop {
	m := Match{Others: []string{"what its program looks at"}}
	if a.Match != nil {
		m = *a.Match
	}
	if a.Direction == "egress" {
		m.Out = a.Dev
	} else {
		m.In = a.Dev
	}
	return Drop{Family: "netdev", Table: a.Hook, Chain: a.Dev, Hook: a.Direction, Verdict: "drop", Packets: a.Packets, Match: &m}
}

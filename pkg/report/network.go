package report

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Network names the cluster's network plugin.
type Network struct {
	Plugin string `json:"plugin"`
	// How says what told it.
	How string `json:"how"`
	// Aside says which of the kernel's tables say nothing of pods' packets with this
	// plugin, "" when all of them do or no node was looked at.
	Aside string `json:"aside,omitempty"`
}

// newNetwork is pure: what the API says, else what the interfaces of a node that was
// looked at tell. It is nil when nothing does.
func newNetwork(in Input) *Network {
	n := Network{Plugin: in.Network.Plugin, How: in.Network.How}
	for _, r := range in.Results {
		if r.Kernel == nil || !strings.HasPrefix(r.Vantage, "node/") {
			continue
		}
		for _, l := range r.Kernel.Links {
			if n.Plugin == "" {
				if p := facts.DeviceOf(l.Name); p != nil {
					n.Plugin, n.How = p.Name, "its interface "+l.Name
				}
			}
			if p := facts.TracksPast(l.Name); p != nil && p.Name == n.Plugin {
				n.Aside = p.Aside
			}
		}
	}
	if n.Plugin == "" {
		return nil
	}
	return &n
}

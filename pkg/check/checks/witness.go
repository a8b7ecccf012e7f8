package checks

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// MaxFlows bounds how many flows a witness is asked for at once.
const MaxFlows = 256

// Flow is a connection that a probe made, as it saw it.
type Flow struct {
	Protocol facts.Protocol `json:"protocol"`
	Src      netip.AddrPort `json:"src"`
	Dst      netip.AddrPort `json:"dst"`
}

// WitnessTasks is the plan of a node's second look.
func WitnessTasks([]Flow) []check.Task { return nil }

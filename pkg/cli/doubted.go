package cli

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// doubted are the addresses that a node's probe is to ask its sets about: the vantage
// point's, those of what fails, then all others of this run.
func (d *diagnosis) doubted() []netip.Addr {
	list := slices.Clone(d.facts.Vantage.IPs())
	d.mu.Lock()
	for _, r := range d.results {
		if addr, ok := diagnose.TargetAddr(r); ok && diagnose.Bad(r) && !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	d.mu.Unlock()
	return append(list, d.facts.Ends()...)
}

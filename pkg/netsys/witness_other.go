//go:build !linux

package netsys

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// LookupFlow is for Linux only.
func LookupFlow(string, netip.AddrPort, netip.AddrPort) (facts.Flow, error) {
	return facts.Flow{}, ErrUnsupported
}

// EachFlow is for Linux only.
func EachFlow(string, func(facts.Flow) bool) error { return ErrUnsupported }

// ConntrackCounters is for Linux only.
func ConntrackCounters() (map[string]uint64, error) { return nil, ErrUnsupported }

// BridgeLinks is for Linux only.
func BridgeLinks() ([]facts.Link, error) { return nil, ErrUnsupported }

// AttachedAll is for Linux only.
func AttachedAll() (list []facts.Attached, unread, err error) { return nil, nil, ErrUnsupported }

// Rules is for Linux only.
func Rules() ([]facts.Rule, error) { return nil, ErrUnsupported }

// Qdiscs is for Linux only.
func Qdiscs() ([]facts.Qdisc, error) { return nil, ErrUnsupported }

// Offload is for Linux only.
func Offload(string) (*facts.Offload, error) { return nil, ErrUnsupported }

// ProxyRules is for Linux only.
func ProxyRules() ([]string, error) { return nil, ErrUnsupported }

// Forward is for Linux only.
func Forward(netip.Addr, netip.Addr, int) (facts.Forward, bool) { return facts.Forward{}, false }

// FilterDrops is for Linux only.
func FilterDrops([]netip.Addr) ([]facts.Drop, error) { return nil, ErrUnsupported }

// CountedDrops is for Linux only.
func CountedDrops() ([]facts.Drop, error) { return nil, ErrUnsupported }

// LegacyDrops is for Linux only.
func LegacyDrops() (LegacyFilter, error) { return LegacyFilter{}, ErrUnsupported }

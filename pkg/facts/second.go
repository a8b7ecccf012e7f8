package facts

import (
	"net/netip"
	"time"
)

// Second is what the API was asked once checks had failed: what a healthy run has no need
// of, and what has to be read after the checks to be held against them.
type Second struct {
	// Stale are endpoints that their EndpointSlice goes on naming.
	Stale []Stale
	// Left are those that it did not name any more when it was read again: the checks
	// were late, and nothing is wrong.
	Left []Stale
	// Shared are addresses that several pods have.
	Shared []Shared
	// Controllers is the lease of the controller manager, who writes EndpointSlices; nil
	// when nothing is stale, and when it may not be read.
	Controllers *Lease
}

// Doubt is an address that did not answer, with the pod that the API says has it.
type Doubt struct {
	// Service is whose endpoint it is; zero for a pod that is a target itself. Silent says
	// that it was tried in vain, Astray that it failed as where another pod has its address.
	Service        Ref
	Endpoint       Endpoint
	Silent, Astray bool
}

// Shared is an address that is not a node's, and that several running pods have.
type Shared struct {
	Addr netip.Addr
	Pods []Pod // sorted by name
}

// Stale is an endpoint whose pod is not there: that was asked for by name.
type Stale struct {
	Doubt
	// Why is what became of the pod: "is gone", "has other addresses now".
	Why string
	// Held is for how long the EndpointSlice named it after that was known.
	Held time.Duration
}

// Lease is how those who must not work at the same time agree on who does.
type Lease struct {
	Namespace, Name string
	Holder          string
	// Age is how long ago it was renewed, and Lasts how long it holds without that.
	Age, Lasts time.Duration
}

// Expired reports whether nobody has renewed it for as long as it holds.
func (l *Lease) Expired() bool { return l != nil && l.Lasts > 0 && l.Age > l.Lasts }

package policy

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// hit is the item of a list that matches, and what is to be said of the match.
type hit struct {
	index int // -1 where there is no list, or nothing in it matches
	text  string
	notes []facts.PolicyNote
}

// matchPeer asks the items of a rule's from or to: a rule without any takes all peers.
func (r rule) matchPeer(e end) (truth, hit) {
	if len(r.peers) == 0 {
		return yes, hit{index: -1}
	}
	best, found := no, hit{index: -1}
	for i, p := range r.peers {
		switch result := p.match(e, r.name.Policy.Namespace); result.is {
		case yes:
			if result.why == "" {
				return yes, hit{index: i}
			}
			// It matches, but not with every plugin: another item may without that.
			if best != yes {
				best, found = yes, hit{index: i, notes: []facts.PolicyNote{r.peerNote(i, result.why)}}
			}
		case maybe:
			if best != yes {
				best = maybe
				found.notes = append(found.notes, r.peerNote(i, result.why))
			}
		}
	}
	return best, found
}

// matchPort asks the items of a rule's ports: a rule without any takes all ports of all
// protocols.
func (r rule) matchPort(flow resolved) (truth, hit) {
	if !known(flow.protocol) {
		return maybe, hit{index: -1} // the flow is said to be so once, in exceptions
	}
	if len(r.ports) == 0 {
		return yes, hit{index: -1, text: "any port"}
	}
	best, found := no, hit{index: -1}
	for i, p := range r.ports {
		switch result := p.match(flow); result.is {
		case yes:
			return yes, hit{index: i, text: p.at(flow.destination.pod)}
		case maybe:
			best = maybe
			found.notes = append(found.notes, r.portNote(i, result.why))
		}
	}
	return best, found
}

// wrongPort says which ports a rule allows, where it allows the peer.
func (r rule) wrongPort(flow resolved) string {
	var allowed []string
	for _, p := range r.ports {
		allowed = append(allowed, p.at(flow.destination.pod))
	}
	return fmt.Sprintf("takes the peer, but not %s: only %s", flow.portText(), strings.Join(allowed, ", "))
}

// wrongPeer says that a rule allows the port to others.
func (r rule) wrongPeer(e end) string {
	if len(r.peers) == 1 {
		return fmt.Sprintf("takes other peers than %s", e.name)
	}
	return fmt.Sprintf("takes other peers than %s (%d are listed)", e.name, len(r.peers))
}

// portText is the flow's destination port for people.
func (r resolved) portText() string {
	return portMatcher{protocol: r.protocol, from: r.port, to: r.port}.String()
}

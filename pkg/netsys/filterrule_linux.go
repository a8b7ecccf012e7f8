package netsys

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Verdicts of include/uapi/linux/netfilter.h and nf_tables.h.
const (
	nftReturn, nftJump, nftGoto = -5, -3, -4
	nfDrop, nfAccept            = 0, 1
)

// outcome is what may become of a packet at a rule: it is dropped or rejected, goes on to
// another chain, or passes: it is accepted or sent back to where it was jumped from.
type outcome struct {
	verdict string
	to      string
	passes  bool
	match   facts.Match
	packets *uint64
}

// outcomesOf are those of the expressions of a rule: one, or several of a verdict map.
func outcomesOf(table chainKey, expressions []byte, sets filterSets, about []netip.Addr) []outcome {
	list, err := attributeList(expressions)
	if err != nil {
		return nil
	}
	var o outcome
	m := newMatcher(table, sets, about)
	counted := 0
	for _, item := range list {
		expr := attributesOf(item.Value, 0)
		data := expr.nest(nftaExprData)
		switch name := expr.text(nftaExprName); name {
		case "counter":
			o.packets, counted = packetsOf(data), m.asked
		case "reject":
			o.verdict = "reject"
		case "target":
			switch data.text(nftaTargetName) {
			case "REJECT":
				o.verdict = "reject"
			case "ACCEPT", "RETURN":
				o.passes = true
			case "NFQUEUE":
				o.passes = true
				m.other(name)
			}
		case "queue": // a program decides
			o.passes = true
			m.other(name)
		case "immediate":
			if data.be32(nftaImmediateRegister) != 0 {
				continue // not the verdict, but a value
			}
			code := data.nest(nftaImmediateData).nest(nftaDataVerdict)
			if code[nftaVerdictCode] == nil {
				continue
			}
			switch int32(code.be32(nftaVerdictCode)) {
			case nfDrop:
				o.verdict = "drop"
			case nftJump, nftGoto:
				o.to = code.text(nftaVerdictChain)
			case nfAccept, nftReturn:
				o.passes = true
			}
		default:
			m.expression(name, data)
		}
	}
	m.finish()
	if m.asked > counted {
		o.packets = nil // it counts those that are not asked for as well
	}
	if o.match = m.match; o.verdict+o.to != "" || o.passes {
		m.outcomes = append(m.outcomes, o)
	}
	return m.outcomes
}

func packetsOf(counter attributes) *uint64 {
	if counter[nftaCounterPackets] == nil {
		return nil
	}
	n := counter.be64(nftaCounterPackets)
	return &n
}

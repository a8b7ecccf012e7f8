package netsys

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// lookup is where a rule asks a set, or has a verdict map decide.
func (m *matcher) lookup(data attributes) {
	name := data.text(nftaLookupSet)
	set := m.sets(chainKey{m.table.family, m.table.table, name})
	into := data[nftaLookupDestination]
	if into != nil && data.be32(nftaLookupDestination) != 0 { // a value, not a verdict
		clear(m.registers)
		m.other("map")
		return
	}
	var of []string
	var sizes []int
	if set != nil && set.whole {
		of, sizes = m.fieldsAt(data.be32(nftaLookupSource), set.keyLength)
	}
	if into != nil {
		m.decide(set, of, sizes, name)
		return
	}
	var d facts.Demand
	ok := false
	if of != nil {
		d, ok = m.demandOf(of, sizes, set.elements)
	}
	if !ok {
		m.other("lookup")
		return
	}
	d.Not = data.be32(nftaLookupFlags)&nftLookupInverted != 0
	m.ask(d, set, name)
}

// ask takes in what a set asks for.
func (m *matcher) ask(d facts.Demand, set *filterSet, name string) {
	if set.flags&nftSetAnonymous == 0 {
		d.Set = name
	}
	if slices.Contains(d.Of, "saddr") || slices.Contains(d.Of, "daddr") {
		m.family(m.v6)
	}
	demand(&m.match, d, "lookup")
}

// fieldsAt are the fields that registers hold from one on, as many bytes as a key has.
func (m *matcher) fieldsAt(register uint32, length int) (of []string, sizes []int) {
	for at := slot(register); length > 0; {
		l, known := m.registers[at]
		name := m.field(l)
		if !known || name == "" || l.size > length {
			return nil, nil
		}
		words := uint32(l.size+wordSize-1) / wordSize
		of, sizes = append(of, name), append(sizes, l.size)
		at, length = at+words, length-int(words)*wordSize
	}
	if len(of) > 1 && (slices.Contains(of, "device") || slices.Contains(of, "family")) {
		return nil, nil
	}
	return of, sizes
}

// slot is the 32-bit register that a register begins with.
func slot(register uint32) uint32 {
	if register >= registerWords || register == 0 {
		return register
	}
	return registerWords + (register-1)*wordSize
}

// demandOf makes a demand of elements: of many, those that are about addresses of ours.
func (m *matcher) demandOf(of []string, sizes []int, elements []element) (facts.Demand, bool) {
	d := facts.Demand{Of: of}
	addresses := slices.Contains(of, "saddr") || slices.Contains(of, "daddr")
	all := len(elements) <= maxAmong || !addresses
	if !all {
		d.About = m.about
	}
	for _, e := range elements {
		if !all && !m.concerns(of, sizes, e) {
			d.Left++
			continue
		}
		var parts []string
		at := 0
		for i, name := range of {
			text, ok := span(name, e.low[at:at+sizes[i]], e.high[at:at+sizes[i]])
			if !ok {
				return d, false
			}
			parts = append(parts, text)
			at += (sizes[i] + wordSize - 1) / wordSize * wordSize
		}
		if d.Among = append(d.Among, strings.Join(parts, " . ")); len(d.Among) > maxAmongOurs {
			return d, false
		}
	}
	return d, true
}

// concerns reports whether each address of an element's may be one of ours.
func (m *matcher) concerns(of []string, sizes []int, e element) bool {
	at := 0
	for i, name := range of {
		low, high := e.low[at:at+sizes[i]], e.high[at:at+sizes[i]]
		if (name == "saddr" || name == "daddr") && !slices.ContainsFunc(m.about, func(addr netip.Addr) bool { return spans(addr, low, high) }) {
			return false
		}
		at += (sizes[i] + wordSize - 1) / wordSize * wordSize
	}
	return true
}

// decide takes in a verdict map: a way on for each verdict, and for each chain that it
// jumps to.
func (m *matcher) decide(set *filterSet, of []string, sizes []int, name string) {
	if set == nil {
		m.other("vmap")
		return
	}
	groups := map[chainKey][]element{}
	var order []chainKey
	for _, e := range set.elements {
		key := chainKey{family: "pass", chain: e.chain}
		switch e.verdict {
		case nfDrop:
			key.family = "drop"
		case nftJump, nftGoto:
			key.family = "jump"
		}
		if single(of) { // which is asked for one by one
			key.table = string(e.low)
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], e)
	}
	for _, key := range order {
		o := outcome{match: m.match}
		o.match.Demands, o.match.Others = slices.Clone(m.match.Demands), slices.Clone(m.match.Others)
		switch key.family {
		case "drop":
			o.verdict = "drop"
		case "jump":
			o.to = key.chain
		default:
			o.passes = true
		}
		sub := *m
		sub.match = o.match
		group := groups[key]
		switch d, ok := sub.demandOf(of, sizes, group); {
		case single(of) && len(group) == 1 && bytes.Equal(group[0].low, group[0].high):
			sub.only(of[0], group[0].low)
		case of == nil || !ok:
			sub.other("vmap")
		default:
			sub.ask(d, set, name)
		}
		o.match = sub.match
		m.outcomes = append(m.outcomes, o)
	}
}

// single reports whether what a map decides by has a field of its own in a match, and no
// room for several.
func single(of []string) bool { return len(of) == 1 && (of[0] == "device" || of[0] == "family") }

// only takes in one key of such a map.
func (m *matcher) only(of string, key []byte) {
	switch {
	case of == "device":
		m.match.In = cmp.Or(deviceName(key), m.match.In)
	case len(key) == 1 && (key[0] == unix.AF_INET || key[0] == unix.AF_INET6):
		m.family(key[0] == unix.AF_INET6)
	default:
		m.etherType(key)
	}
}

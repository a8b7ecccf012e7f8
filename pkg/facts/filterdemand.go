package facts

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Demand is a condition of a rule that is more than one value or network: what of a packet Of
// names is, taken together, in one of Among, or with Not in none.
type Demand struct {
	// Of are saddr, daddr, sport, dport, protocol, state (of connection tracking) and flags
	// (of TCP). Each of Among has as many parts, with " . " between them, as nft(8) writes
	// concatenations: "10.0.0.0/8", "10.0.0.1-10.0.0.9", "80", "80-90", "tcp", "new",
	// "syn / syn,ack", "10.0.0.1/32 . 443".
	Of    []string `json:"of"`
	Not   bool     `json:"not,omitempty"`
	Among []string `json:"among,omitempty"`
	// Set is the name of the set or map, "" where it has none of its own.
	Set string `json:"set,omitempty"`
	// Left is how many of a large set are not in Among: those that are about none of About.
	Left  int          `json:"left,omitempty"`
	About []netip.Addr `json:"about,omitempty"`
}

// Packet is what is known of one that a rule is held against.
type Packet struct {
	Protocol string
	Src, Dst netip.AddrPort
	// Answer says that it goes to the one that opened the connection.
	Answer bool
	// State is connection tracking's: new, established; "" is not known. Flags are TCP's, 0
	// where they are not known.
	State string
	Flags byte
}

// Truth is an answer that may not be known.
type Truth int

// The truths, in the order in which all of several hold.
const (
	No Truth = iota
	Unknown
	Yes
)

// The TCP flags of an opening packet and of its answer.
const (
	SYN    byte = 0x02
	SYNACK byte = 0x12
)

// flagNames are TCP's flags as nft(8) has them, from the lowest bit on.
var flagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"}

// FlagText writes flags as nft(8) does, "fin,syn", "0x0" for none.
func FlagText(flags byte) string {
	var names []string
	for bit, name := range flagNames {
		if flags&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "0x0"
	}
	return strings.Join(names, ",")
}

func parseFlags(text string) (flags byte) {
	for name := range strings.SplitSeq(text, ",") {
		if bit := slices.Index(flagNames, name); bit >= 0 {
			flags |= 1 << bit
		}
	}
	return flags
}

// Holds reports whether a packet is what is demanded.
func (d Demand) Holds(p Packet) Truth {
	in := No
	for _, element := range d.Among {
		all, rest := Yes, element
		for _, of := range d.Of {
			var part string
			part, rest, _ = strings.Cut(rest, " . ")
			if all = min(all, within(of, part, p)); all == No {
				break
			}
		}
		if in = max(in, all); in == Yes {
			break
		}
	}
	if in == No && d.Left > 0 && !d.about(p) {
		in = Unknown
	}
	if d.Not {
		return Yes - in
	}
	return in
}

// about reports whether what is left out of a set is nothing of a packet's.
func (d Demand) about(p Packet) bool {
	for _, of := range d.Of {
		if of == "saddr" && slices.Contains(d.About, p.Src.Addr().Unmap()) || of == "daddr" && slices.Contains(d.About, p.Dst.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// within reports whether one part of a packet is what a text says.
func within(of, text string, p Packet) Truth {
	truth := func(yes bool) Truth {
		if yes {
			return Yes
		}
		return No
	}
	switch of {
	case "saddr":
		return truth(spanOf(text, p.Src.Addr().Unmap()))
	case "daddr":
		return truth(spanOf(text, p.Dst.Addr().Unmap()))
	case "sport":
		return truth(portIn(text, p.Src.Port()))
	case "dport":
		return truth(portIn(text, p.Dst.Port()))
	case "protocol":
		return truth(text == p.Protocol)
	case "state":
		// What tracking makes of a packet that it does not know, or was told to leave alone,
		// is not known from here.
		if p.State == "" || text == "invalid" || text == "untracked" {
			return Unknown
		}
		return truth(text == p.State)
	case "flags":
		value, mask, found := strings.Cut(text, " / ")
		if p.Protocol != "tcp" {
			return No
		}
		if p.Flags == 0 || !found {
			return Unknown
		}
		return truth(p.Flags&parseFlags(mask) == parseFlags(value))
	}
	return Unknown
}

// spanOf reports whether an address is in a network, or between two addresses.
func spanOf(text string, addr netip.Addr) bool {
	if first, last, ok := strings.Cut(text, "-"); ok {
		from, err := netip.ParseAddr(first)
		to, toErr := netip.ParseAddr(last)
		return err == nil && toErr == nil && from.BitLen() == addr.BitLen() && from.Compare(addr) <= 0 && addr.Compare(to) <= 0
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Contains(addr)
}

func portIn(text string, port uint16) bool {
	first, last, several := strings.Cut(text, "-")
	if !several {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, toErr := strconv.ParseUint(last, 10, 16)
	return err == nil && toErr == nil && uint64(port) >= from && uint64(port) <= to
}

// asksFor reports whether it is for addresses or ports.
func (d Demand) asksFor() bool {
	return slices.ContainsFunc(d.Of, func(of string) bool {
		return slices.Contains([]string{"saddr", "daddr", "sport", "dport"}, of)
	}) && !slices.Contains(d.Among, "0.0.0.0/0") && !slices.Contains(d.Among, "::/0")
}

// MayBeFor reports whether it may take what goes from or to an address, whatever else the
// packet is; of is saddr or daddr.
func (d Demand) MayBeFor(of string, addr netip.Addr) bool {
	at := slices.Index(d.Of, of)
	if at < 0 || d.Left > 0 && !slices.Contains(d.About, addr) || d.Not && len(d.Of) > 1 {
		return true
	}
	found := slices.ContainsFunc(d.Among, func(element string) bool {
		parts := strings.Split(element, " . ")
		return at < len(parts) && spanOf(parts[at], addr)
	})
	return found != d.Not
}

// shownElements is how many elements of a set are told.
const shownElements = 4

// text is the demand in the words of nft(8); th is what ports are of.
func (d Demand) text(th string) string {
	words := make([]string, len(d.Of))
	for i, of := range d.Of {
		switch of {
		case "saddr", "daddr":
			words[i] = "ip " + of
			if len(d.Among) > 0 && strings.Contains(d.Among[0], ":") || len(d.About) > 0 && d.About[0].Is6() {
				words[i] = "ip6 " + of
			}
		case "sport", "dport":
			words[i] = th + " " + of
		case "protocol":
			words[i] = "meta l4proto"
		case "state":
			words[i] = "ct state"
		case "flags":
			words[i] = "tcp flags"
		default:
			words[i] = of
		}
	}
	text := strings.Join(words, " . ")
	if mask, any := strings.CutPrefix(strings.Join(d.Among, ""), "0x0 / "); any && d.Not && text == "tcp flags" {
		return text + " " + mask // one of them
	}
	if d.Not {
		text += " !="
	}
	among := slices.Clone(d.Among[:min(len(d.Among), shownElements)])
	if more := len(d.Among) - len(among) + d.Left; more > 0 {
		among = append(among, "and "+strconv.Itoa(more)+" more")
	}
	list := strings.Join(among, ", ")
	switch {
	case d.Set != "":
		return text + " @" + d.Set + " { " + list + " }"
	case len(among) == 1 && d.Left == 0:
		return text + " " + list
	case len(d.Of) == 1 && d.Of[0] == "state":
		return text + " " + strings.Join(among, ",")
	}
	return text + " { " + list + " }"
}

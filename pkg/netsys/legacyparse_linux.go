package netsys

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// legacyLayout is where the parts of an entry are: struct ipt_entry and ip6t_entry of
// include/uapi/linux/netfilter_ipv4/ip_tables.h and netfilter_ipv6/ip6_tables.h, as
// 64-bit kernels have them, with the words for ipt_REJECT.h and ip6t_REJECT.h there.
type legacyLayout struct {
	addr                               int  // the size of an address: source, destination, and their masks come first
	protocol, inverted                 int  // the flags are before those that invert
	asks                               byte // the flag that asks for something: fragments, or a type of service
	targetOffset, nextOffset, counters int
	size                               int
	rejects                            []string // what REJECT answers with, by its number; "" for those that iptables(8) has no word for
}

var (
	legacyIPv4 = legacyLayout{addr: 4, protocol: 80, inverted: 83, asks: 1, targetOffset: 88, nextOffset: 90, counters: 96, size: 112, rejects: []string{
		"icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable", "",
		"icmp-net-prohibited", "icmp-host-prohibited", "tcp-reset", "icmp-admin-prohibited",
	}}
	legacyIPv6 = legacyLayout{addr: 16, protocol: 128, inverted: 132, asks: 2, targetOffset: 140, nextOffset: 142, counters: 152, size: 168, rejects: []string{
		"icmp6-no-route", "icmp6-adm-prohibited", "", "icmp6-addr-unreachable", "icmp6-port-unreachable", "",
		"tcp-reset", "icmp6-policy-fail", "icmp6-reject-route",
	}}
)

const (
	// xtHeader is that of a match and of a target: size, a name of 29 bytes, revision.
	xtHeader, xtNameAt, xtNameSize = 32, 2, 29
	xtError                        = "ERROR" // heads a chain, and ends the table
	xtErrorName                    = 30
	xtVerdictDrop                  = -1 // -NF_DROP - 1
	xtVerdictAccept                = -2
	xtVerdictReturn                = -5 // XT_RETURN
	// The IPT_INV_* that are looked at; others are told as one that is not understood.
	xtInvertIn, xtInvertOut, xtInvertSrc, xtInvertDst, xtInvertProtocol = 1, 2, 8, 0x10, 0x40
	// maxLegacyRule is the longest text of a rule that is kept.
	maxLegacyRule    = 160
	maxLegacyMatches = 16
	maxComment       = 80
)

// legacyEntry is one entry of a table.
type legacyEntry struct {
	at     uint32
	body   []byte // with matches and target
	target []byte
	name   string // of its target, "" for a verdict
}

// legacyEntries are those of a table, as far as they are whole.
func legacyEntries(l legacyLayout, table []byte) []legacyEntry {
	var list []legacyEntry
	for at := 0; at+l.size <= len(table); {
		body := table[at:]
		target, next := int(binary.NativeEndian.Uint16(body[l.targetOffset:])), int(binary.NativeEndian.Uint16(body[l.nextOffset:]))
		if next > len(body) || target < l.size || target+xtHeader > next {
			break
		}
		e := legacyEntry{at: uint32(at), body: body[:next], target: body[target:next]}
		e.name = zeroEnded(e.target[xtNameAt : xtNameAt+xtNameSize])
		list = append(list, e)
		at += next
	}
	return list
}

func zeroEnded(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return text
}

// verdict is that of a standard target: below zero a verdict, else where it jumps to.
func (e legacyEntry) verdict() (number int32, ok bool) {
	if e.name != "" || len(e.target) < xtHeader+4 {
		return 0, false
	}
	return int32(binary.NativeEndian.Uint32(e.target[xtHeader:])), true
}

// rejectWith is what a REJECT answers with: struct ipt_reject_info and ip6t_reject_info.
// "..." says, as in all texts of rules, that there is more.
func (e legacyEntry) rejectWith(l legacyLayout) string {
	if len(e.target) >= xtHeader+4 {
		if with := binary.NativeEndian.Uint32(e.target[xtHeader:]); with < uint32(len(l.rejects)) && l.rejects[with] != "" {
			return l.rejects[with]
		}
	}
	return "..."
}

// legacyDrops is pure: the rules and policies of a table that drop or reject.
func legacyDrops(f legacyFamily, table string, info legacyInfo, data []byte) []facts.Drop {
	if len(info) < legacyInfoSize {
		return nil
	}
	ways, policies := newFilterWays(), map[uint32]bool{}
	heads := map[uint32]string{} // chains by where they begin
	for hook := range legacyHooks {
		if info.used(hook) {
			name := strings.ToUpper(hookNames[hook])
			heads[info.begin(hook)], policies[info.policy(hook)] = name, true
			ways.hooks[chainKey{f.family, table, name}] = hookNames[hook]
		}
	}
	entries := legacyEntries(f.layout, data)
	for _, e := range entries {
		if e.name == xtError && len(e.target) >= xtHeader+xtErrorName {
			heads[e.at+uint32(len(e.body))] = zeroEnded(e.target[xtHeader : xtHeader+xtErrorName])
		}
	}
	var drops []facts.Drop
	chain := ""
	alike := map[string]int{}
	for _, e := range entries {
		if name, head := heads[e.at]; head {
			chain = name
		}
		d := facts.Drop{Family: f.family, Table: table, Chain: chain, Legacy: true}
		from := chainKey{f.family, table, chain}
		number, standard := e.verdict()
		switch {
		case standard && number == xtVerdictDrop:
			d.Verdict = "drop"
		case e.name == "REJECT":
			d.Verdict = "reject"
		case standard && number >= 0 && uint32(number) != e.at+uint32(len(e.body)):
			if to, known := heads[uint32(number)]; known {
				match, _ := legacyMatch(f, e)
				ways.jump(from, chainKey{f.family, table, to}, match)
			}
		case standard && (number == xtVerdictAccept || number == xtVerdictReturn) && !policies[e.at]:
			match, _ := legacyMatch(f, e)
			ways.pass(from, match)
		case e.name != "" && e.name != xtError, standard && number < 0 && !policies[e.at]: // a program may decide
			ways.unclear[from] = true
		}
		if d.Verdict == "" || len(drops) == maxDrops {
			continue
		}
		packets := binary.NativeEndian.Uint64(e.body[f.layout.counters:])
		d.Packets, d.Policy = &packets, policies[e.at]
		if !d.Policy {
			match, text := legacyMatch(f, e)
			d.Match, d.Rule = &match, text+"-j "+strings.ToUpper(d.Verdict)
			if d.Verdict == "reject" {
				d.Rule += " --reject-with " + e.rejectWith(f.layout)
			}
			// Rules that read the same are told apart, for their counters.
			key := d.Name()
			ways.before(from, &d)
			if alike[key]++; alike[key] > 1 {
				d.Handle = uint64(alike[key])
			}
		}
		drops = append(drops, d)
	}
	ways.finish(drops)
	return drops
}

// legacyMatch is what an entry asks of a packet, and how iptables-save(8) would write
// it: matches of which only the name is known with that alone, "-m conntrack".
func legacyMatch(f legacyFamily, e legacyEntry) (facts.Match, string) {
	l := f.layout
	var m facts.Match
	var text strings.Builder
	inverted := e.body[l.inverted]
	part := func(option, of, value string, bit byte, into *string) {
		switch {
		case value == "":
		case inverted&bit != 0:
			if of == "" {
				addOther(&m, "! "+option)
			} else {
				demand(&m, facts.Demand{Of: []string{of}, Not: true, Among: []string{value}}, "! "+option)
			}
			text.WriteString("! " + option + " " + value + " ")
		default:
			*into = value
			text.WriteString(option + " " + value + " ")
		}
	}
	address := func(n int) string {
		mask := e.body[(2+n)*l.addr : (3+n)*l.addr]
		length, whole := maskLength(mask)
		addr, _ := netip.AddrFromSlice(e.body[n*l.addr : (n+1)*l.addr])
		if !whole {
			addOther(&m, "a netmask")
			return ""
		}
		if length == 0 {
			return ""
		}
		p, _ := addr.Prefix(length)
		return p.String()
	}
	device := func(n int) string {
		const masks = 2 * interfaceName
		at := 4*l.addr + n*interfaceName
		name, mask := zeroEnded(e.body[at:at+interfaceName]), e.body[at+masks:at+masks+interfaceName]
		if name != "" && !strings.HasSuffix(name, "+") && mask[min(len(name), interfaceName-1)] == 0 { // how it begins
			name += "+"
		}
		return name
	}
	part("-s", "saddr", address(0), xtInvertSrc, &m.Src)
	part("-d", "daddr", address(1), xtInvertDst, &m.Dst)
	part("-i", "", device(0), xtInvertIn, &m.In)
	part("-o", "", device(1), xtInvertOut, &m.Out)
	if number := binary.NativeEndian.Uint16(e.body[l.protocol:]); number > 0 && number < 256 {
		part("-p", "protocol", protocolName(byte(number)), xtInvertProtocol, &m.Protocol)
	}
	if inverted&^(xtInvertSrc|xtInvertDst|xtInvertIn|xtInvertOut|xtInvertProtocol) != 0 || e.body[l.inverted-1]&l.asks != 0 {
		addOther(&m, "a flag")
	}
	legacyMatches(f, e, &m, &text)
	if m.Src+m.Dst != "" || len(m.Demands) > 0 {
		m.Family = f.family
	}
	m.In, m.Out = strings.ReplaceAll(m.In, "+", "*"), strings.ReplaceAll(m.Out, "+", "*")
	written := text.String()
	if len(written) > maxLegacyRule {
		written = written[:maxLegacyRule] + "... "
	}
	return m, written
}

// legacyMatches takes in the extensions of an entry, which follow its head.
func legacyMatches(f legacyFamily, e legacyEntry, m *facts.Match, text *strings.Builder) {
	matches := e.body[f.layout.size : len(e.body)-len(e.target)]
	for n := 0; len(matches) >= xtHeader; n++ {
		size := int(binary.NativeEndian.Uint16(matches))
		if size < xtHeader || size > len(matches) || n == maxLegacyMatches {
			addOther(m, "a match")
			return
		}
		data, name := matches[xtHeader:size], zeroEnded(matches[xtNameAt:xtNameAt+xtNameSize])
		text.WriteString("-m " + name + " ")
		switch name {
		case "comment": // struct xt_comment_info
			comment := zeroEnded(data)
			if len(comment) > maxComment {
				comment = comment[:maxComment] + "..."
			}
			text.WriteString(`--comment "` + commentEscapes.Replace(comment) + `" `)
		default:
			var more facts.Match
			xtMatch(&more, name, uint32(matches[xtHeader-1]), f.family == "ip6", data)
			text.WriteString(portOption("--sport", more.SrcPort) + portOption("--dport", more.DstPort))
			if len(more.Demands) > 0 {
				text.WriteString("... ") // which are not written here
			}
			*m = both(more, *m)
		}
		matches = matches[size:]
	}
}

// commentEscapes are those of iptables-save(8).
var commentEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`)

func portOption(option string, p facts.Ports) string {
	if p.Any() {
		return ""
	}
	return option + " " + strings.ReplaceAll(p.String(), "-", ":") + " "
}

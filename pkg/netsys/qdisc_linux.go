package netsys

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// classful are the kinds whose rates are those of their classes.
var classful = map[string]bool{"htb": true, "hfsc": true}

// Qdiscs returns the queueing disciplines of all interfaces, and below those that
// shape by class their classes with a rate, sorted by interface.
func Qdiscs() ([]facts.Qdisc, error) {
	names := linkNames()
	qdiscs, err := dump(func() ([]netlink.Qdisc, error) { return netlink.QdiscList(nil) })
	if err != nil {
		return nil, fmt.Errorf("list queueing disciplines: %w", err)
	}
	var list []facts.Qdisc
	for _, q := range qdiscs {
		a := q.Attrs()
		fact := facts.Qdisc{Dev: names[a.LinkIndex], Kind: q.Type(), Parent: netlink.HandleStr(a.Parent)}
		describeQdisc(&fact, q)
		count(&fact, (*netlink.ClassStatistics)(a.Statistics))
		list = append(list, fact)
		if classful[q.Type()] {
			list = append(list, classes(a.LinkIndex, names[a.LinkIndex])...)
		}
	}
	slices.SortStableFunc(list, func(a, b facts.Qdisc) int { return cmp.Compare(a.Dev, b.Dev) })
	return bound(list), nil
}

// classes are the classes of an interface that have a rate; none when they cannot be
// read, since the discipline they belong to is told all the same.
func classes(index int, dev string) []facts.Qdisc {
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: index}}
	found, err := dump(func() ([]netlink.Class, error) { return netlink.ClassList(link, 0) })
	if err != nil {
		return nil
	}
	var list []facts.Qdisc
	for _, c := range found {
		a := c.Attrs()
		fact := facts.Qdisc{
			Dev: dev, Kind: c.Type(), Parent: netlink.HandleStr(a.Parent), Class: netlink.HandleStr(a.Handle),
		}
		switch c := c.(type) {
		case *netlink.HtbClass:
			fact.Rate = 8 * c.Ceil
			fact.Params = fmt.Sprintf("rate %s, ceil %s", rateText(8*c.Rate), rateText(8*c.Ceil))
		case *netlink.HfscClass:
			_, _, upper := c.Usc.Attrs() // in bytes a second
			fact.Rate = 8 * uint64(upper)
			fact.Params = "upper limit " + rateText(fact.Rate)
		}
		if fact.Rate > 0 {
			count(&fact, a.Statistics)
			list = append(list, fact)
		}
	}
	return list
}

// describeQdisc fills in what shapes, delays or loses packets.
func describeQdisc(fact *facts.Qdisc, q netlink.Qdisc) {
	var params []string
	switch q := q.(type) {
	case *netlink.Tbf:
		fact.Rate = 8 * q.Rate
		params = append(params, "rate "+rateText(fact.Rate), fmt.Sprintf("burst %d bytes", netlink.Xmitsize(q.Rate, q.Buffer)), fmt.Sprintf("limit %d bytes", q.Limit))
	case *netlink.Netem:
		fact.Rate = 8 * q.Rate64
		fact.DelayMs, fact.LossPercent = ticksToMs(q.Latency), percentOf(q.Loss)
		for _, p := range []struct {
			name, unit string
			value      float64
		}{
			{"delay", " ms", fact.DelayMs}, {"jitter", " ms", ticksToMs(q.Jitter)}, {"loss", " %", fact.LossPercent},
			{"duplicate", " %", percentOf(q.Duplicate)}, {"corrupt", " %", percentOf(q.CorruptProb)}, {"reorder", " %", percentOf(q.ReorderProb)},
		} {
			if p.value > 0 {
				params = append(params, p.name+" "+number(p.value)+p.unit)
			}
		}
		if fact.Rate > 0 {
			params = append(params, "rate "+rateText(fact.Rate))
		}
		params = append(params, fmt.Sprintf("limit %d packets", q.Limit))
	case *netlink.Htb:
		params = append(params, fmt.Sprintf("default class 0x%x", q.Defcls))
	}
	fact.Params = strings.Join(params, ", ")
}

func count(fact *facts.Qdisc, s *netlink.ClassStatistics) {
	if s == nil {
		return
	}
	if s.Basic != nil {
		fact.Packets = uint64(s.Basic.Packets)
	}
	if s.Queue != nil {
		fact.Drops, fact.Overlimits, fact.Backlog = uint64(s.Queue.Drops), uint64(s.Queue.Overlimits), uint64(s.Queue.Backlog)
	}
}

// rateText is a rate in bits a second as tc(8) writes it: "10Mbit".
func rateText(bits uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{1e9, "Gbit"}, {1e6, "Mbit"}, {1e3, "Kbit"}} {
		if bits >= unit.size {
			return number(float64(bits)/float64(unit.size)) + unit.name
		}
	}
	return strconv.FormatUint(bits, 10) + "bit"
}

// ticksToMs turns the packet scheduler's clock ticks (/proc/net/psched) into
// milliseconds.
func ticksToMs(ticks uint32) float64 {
	perUsec := netlink.TickInUsec()
	if perUsec <= 0 {
		return 0
	}
	return rounded(float64(ticks) / perUsec / 1000)
}

// percentOf is a probability that the kernel has as a part of 2^32-1.
func percentOf(p uint32) float64 { return rounded(float64(p) * 100 / math.MaxUint32) }

func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }

func number(v float64) string { return strconv.FormatFloat(rounded(v), 'f', -1, 64) }

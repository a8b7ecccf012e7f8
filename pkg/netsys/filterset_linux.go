package netsys

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/netfilter/nf_tables.h: sets, and what looks into them.
const (
	nftGetSet                               = 10 // NFT_MSG_GETSET
	nftNewSet                               = 9
	nftGetElements                          = 13
	nftNewElements                          = 12
	nftaSetTable, nftaSetName, nftaSetFlags = 1, 2, 3
	nftaSetKeyLength                        = 5
	nftSetAnonymous, nftSetInterval         = 1, 4
	nftSetMap, nftSetConcat                 = 8, 0x80
	nftaElementsTable, nftaElementsSet      = 1, 2
	nftaElementsList                        = 3
	nftaElementKey, nftaElementData         = 1, 2
	nftaElementFlags, nftaElementExpression = 3, 7
	nftaElementKeyEnd                       = 10
	nftaElementExpressions                  = 11
	nftElementEnd, nftElementCatchall       = 1, 2
)

// What is read of sets, all of them together; a set that does not fit is not understood.
const (
	maxSets     = 64
	maxElements = 1 << 16
)

// element is one of a set: keys from low to high, and in a verdict map what becomes of
// packets that have them.
type element struct {
	low, high []byte
	verdict   int32
	chain     string
}

// filterSet is a set of nftables with its elements; whole where they were all read, and
// are understood.
type filterSet struct {
	flags     uint32
	keyLength int
	elements  []element
	whole     bool
}

// filterSets gives a set by table and name, nil when it is not known.
type filterSets func(key chainKey) *filterSet

// noSets is for who wants counters only.
func noSets(chainKey) *filterSet { return nil }

// kernelSets reads sets when they are asked for, each once.
func kernelSets() filterSets {
	known := map[chainKey]*filterSet{}
	left := maxElements
	messages, err := nftDump(nftGetSet, nftNewSet)
	if err != nil {
		return noSets
	}
	heads := setHeads(messages)
	return func(key chainKey) *filterSet {
		if set, read := known[key]; read {
			return set
		}
		head, found := heads[key]
		if !found || len(known) == maxSets {
			return nil
		}
		set := &head
		known[key] = set
		for range dumpTries {
			room := left
			set.elements = nil
			set.whole = set.keyLength > 0 && eachElements(key, &room, set.take)
			if set.finish(); set.whole || room < 0 {
				left = room
				break
			}
		}
		return set
	}
}

// setHeads are the sets that there are, without their elements.
func setHeads(messages [][]byte) map[chainKey]filterSet {
	heads := map[chainKey]filterSet{}
	for _, m := range messages {
		as := attributesOf(m, sizeofNfgenmsg)
		if family := filterFamilies[m[0]]; family != "" {
			heads[chainKey{family, as.text(nftaSetTable), as.text(nftaSetName)}] = filterSet{flags: as.be32(nftaSetFlags), keyLength: int(as.be32(nftaSetKeyLength) & 0xff)}
		}
	}
	return heads
}

// eachElements hands over the messages with a set's elements, as long as they are taken and
// so many are left to read; whole says that it was all of them.
func eachElements(key chainKey, left *int, take func([]byte) bool) (whole bool) {
	family, known := byte(0), false
	for number, name := range filterFamilies {
		if name == key.family {
			family, known = number, true
		}
	}
	if !known {
		return false
	}
	taken := true
	request := nl.NewNetlinkRequest(nftSubsystem<<8|nftGetElements, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	request.AddData(nl.NewRtAttr(nftaElementsTable, []byte(key.table+"\x00")))
	request.AddData(nl.NewRtAttr(nftaElementsSet, []byte(key.chain+"\x00")))
	err := request.ExecuteIter(unix.NETLINK_NETFILTER, nftSubsystem<<8|nftNewElements, func(m []byte) bool {
		if len(m) < sizeofNfgenmsg {
			return true
		}
		list, _ := attributeList(attributesOf(m, sizeofNfgenmsg)[nftaElementsList])
		*left -= len(list)
		taken = *left >= 0 && take(m)
		return taken
	})
	return taken && (err == nil || errors.Is(err, unix.ENOENT))
}

// take takes in a message with elements of a set, false where they are not understood.
func (s *filterSet) take(m []byte) bool {
	list, err := attributeList(attributesOf(m, sizeofNfgenmsg)[nftaElementsList])
	if err != nil {
		return false
	}
	for _, item := range list {
		as := attributesOf(item.Value, 0)
		key, end, flags := as.nest(nftaElementKey)[nftaDataValue], as.nest(nftaElementKeyEnd)[nftaDataValue], as.be32(nftaElementFlags)
		if flags&nftElementCatchall != 0 || len(key) != s.keyLength || end != nil && len(end) != s.keyLength || !countsOnly(as) {
			return false
		}
		e := element{low: slices.Clone(key), verdict: nfAccept}
		switch {
		case flags&nftElementEnd != 0: // it has no high end
		case end != nil:
			e.high = slices.Clone(end)
		default:
			e.high = e.low
		}
		if code := as.nest(nftaElementData).nest(nftaDataVerdict); code != nil {
			e.verdict, e.chain = int32(code.be32(nftaVerdictCode)), code.text(nftaVerdictChain)
		}
		s.elements = append(s.elements, e)
	}
	return true
}

// finish puts elements in order, and ends to begins.
func (s *filterSet) finish() {
	slices.SortStableFunc(s.elements, func(a, b element) int { return bytes.Compare(a.low, b.low) })
	if s.flags&nftSetInterval != 0 && s.flags&nftSetConcat == 0 {
		s.elements = intervals(s.elements)
	}
	// A hash table that grows while it is dumped shows some elements twice instead of others.
	twice := s.flags&nftSetInterval == 0 && len(slices.CompactFunc(slices.Clone(s.elements), func(a, b element) bool { return bytes.Equal(a.low, b.low) })) < len(s.elements)
	s.whole = s.whole && !twice && !slices.ContainsFunc(s.elements, func(e element) bool { return e.high == nil })
	if !s.whole && s.flags&nftSetMap == 0 {
		s.elements = nil
	}
}

// countsOnly reports whether an element has no condition of its own, such as a limit.
func countsOnly(as attributes) bool {
	if as[nftaElementExpressions] != nil {
		return false
	}
	name := as.nest(nftaElementExpression).text(nftaExprName)
	return name == "" || name == "counter"
}

// intervals joins where they begin and where they end, which are sorted: a set of intervals holds each of
// those as an element, the latter as the first key that is not in it.
func intervals(ends []element) []element {
	var list []element
	for i, e := range ends {
		if e.high == nil {
			continue
		}
		e.high = bytes.Repeat([]byte{0xff}, len(e.low))
		for _, next := range ends[i+1:] {
			if !bytes.Equal(next.low, e.low) {
				e.high = before(next.low)
				break
			}
		}
		list = append(list, e)
	}
	return list
}

// before is the key before another, which is not the first.
func before(key []byte) []byte {
	key = slices.Clone(key)
	for i := len(key) - 1; i >= 0; i-- {
		key[i]--
		if key[i] != 0xff {
			break
		}
	}
	return key
}

// spans reports whether a key of one part, an address, is between both ends.
func spans(addr netip.Addr, low, high []byte) bool {
	key := addr.AsSlice()
	return len(key) == len(low) && bytes.Compare(low, key) <= 0 && bytes.Compare(key, high) <= 0
}

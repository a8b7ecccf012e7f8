package policy

import (
	"fmt"
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
)

// ipBlock is an address range with holes, read once.
type ipBlock struct {
	cidr   netip.Prefix
	except []netip.Prefix
	// broken is why cidr cannot be read; brokenExcept why one of except cannot.
	broken, brokenExcept string
}

func compileIPBlock(b *networkingv1.IPBlock) ipBlock {
	var block ipBlock
	block.cidr, block.broken = parseCIDR("cidr", b.CIDR)
	for i, text := range b.Except {
		prefix, broken := parseCIDR(fmt.Sprintf("except[%d]", i), text)
		if broken != "" {
			block.brokenExcept = broken
			continue
		}
		block.except = append(block.except, prefix)
	}
	return block
}

// parseCIDR reads a prefix, with bits beyond its length or without: the API takes both.
func parseCIDR(field, text string) (prefix netip.Prefix, broken string) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		// The error of netip repeats the text; it may be long and is quoted once.
		return netip.Prefix{}, fmt.Sprintf("ipBlock.%s %.60q is no CIDR", field, text)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Sprintf("ipBlock.%s %.60q is IPv4 written as IPv6: plugins differ in what it means", field, text)
	}
	return prefix, ""
}

func (b ipBlock) contains(addr netip.Addr) answer {
	switch {
	case b.broken != "":
		return answer{maybe, b.broken}
	case !addr.IsValid():
		return answer{maybe, "the peer has no address that is known"}
	}
	addr = addr.Unmap().WithZone("")
	if !b.cidr.Contains(addr) {
		return answer{}
	}
	for _, hole := range b.except {
		if hole.Contains(addr) {
			return answer{}
		}
	}
	if b.brokenExcept != "" {
		return answer{maybe, b.brokenExcept}
	}
	return answer{is: yes}
}

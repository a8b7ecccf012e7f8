package printer_test

import (
	"net/netip"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var cmpOptions = []cmp.Option{
	cmpopts.EquateComparable(netip.Addr{}),
	cmpopts.EquateEmpty(),
}

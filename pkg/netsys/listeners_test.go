package netsys

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestListeners(t *testing.T) {
	// as is an address as this machine's kernel writes it: 32 bits at a time in its order.
	as := func(addr string) string {
		raw := netip.MustParseAddr(addr).AsSlice()
		text := ""
		for i := 0; i < len(raw); i += 4 {
			text += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(raw[i:]))
		}
		return text
	}
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	root := fstest.MapFS{
		"tcp": {Data: []byte(head +
			"   0: " + as("127.0.0.1") + ":1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n" +
			"   1: " + as("10.244.2.3") + ":1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n" +
			"   2: " + as("10.244.2.3") + ":1F92 0102F40A:0050 01 00000000:00000000 00:00000000 00000000  1000        0 1 1\n" +
			"   3: ZZ:1F90 00000000:0000 0A\n   4: 0100007F 00000000:0000 0A\n\x00\n")},
		"tcp6": {Data: []byte(head + "   0: " + as("::") + ":0050 00000000000000000000000000000000:0000 0A 0 0\n" +
			"   1: " + as("::1") + ":0051 00000000000000000000000000000000:0000 0A 0 0\n")},
	}
	got, err := Listeners(root)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, at := range got {
		text = append(text, at.String())
	}
	if diff := cmp.Diff([]string{"10.244.2.3:8081", "127.0.0.1:8080", "[::]:80", "[::1]:81"}, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Listeners(fstest.MapFS{}); err == nil {
		t.Error("without tables, there is no error")
	}
	if list, err := Listeners(fstest.MapFS{"tcp": root["tcp"]}); err != nil || len(list) != 2 {
		t.Errorf("without IPv6: %v, %v", list, err)
	}
}

func TestSystemListeners(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list, err := SystemListeners()
	if err != nil || !slices.Contains(list, netip.MustParseAddrPort(l.Addr().String())) {
		t.Errorf("%s is not among %d listeners, %v", l.Addr(), len(list), err)
	}
}

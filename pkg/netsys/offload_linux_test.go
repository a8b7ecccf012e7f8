package netsys

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// vxlanHere is a VXLAN device over eth0 in the namespace of the test.
func vxlanHere(t *testing.T) {
	t.Helper()
	near := netnstest.Here(t)
	netnstest.Join(t, netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24"}}, netnstest.End{NS: netnstest.New(t), Name: "far"})
	eth0, err := near.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := near.LinkAdd(&netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{Name: "vx"}, VxlanId: 1, VtepDevIndex: eth0.Attrs().Index, SrcAddr: net.IPv4(10, 9, 1, 2), Port: 8472,
	}); err != nil {
		t.Fatal(err)
	}
}

// What the kernel is told by ethtool(8) is read back, for each flag by itself.
func TestOffload(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	vxlanHere(t)
	all := facts.Offload{TxChecksum: true, RxChecksum: true, TSO: true, GSO: true, GRO: true}
	if got, err := Offload("vx"); err != nil || *got != all {
		t.Fatalf("a new VXLAN device: %+v, %v", got, err)
	}
	if _, err := Offload("nobody"); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("no such interface: %v", err)
	}
	if _, err := Offload(strings.Repeat("x", 16)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a name that is too long: %v", err)
	}
	if _, err := exec.LookPath("ethtool"); err != nil && os.Getenv("NETLOOK_REQUIRE_NETNS") != "1" {
		t.Skip("ethtool is not installed")
	}
	for _, tt := range []struct {
		feature string
		want    facts.Offload
	}{
		{"gro", facts.Offload{TxChecksum: true, RxChecksum: true, TSO: true, GSO: true}},
		{"rx", facts.Offload{TxChecksum: true, TSO: true, GSO: true}},
		{"tso", facts.Offload{TxChecksum: true, GSO: true}},
		{"gso", facts.Offload{TxChecksum: true}},
		{"tx-checksum-ip-generic", facts.Offload{}}, // what the remedy of NL-OVERLAY-CHECKSUM types
	} {
		if out, err := exec.Command("ethtool", "-K", "vx", tt.feature, "off").CombinedOutput(); err != nil {
			t.Fatalf("ethtool: %v\n%s", err, out)
		}
		got, err := Offload("vx")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, *got); diff != "" {
			t.Errorf("%s off (-want +got):\n%s", tt.feature, diff)
		}
	}
}

func TestOffloadUnprivileged(t *testing.T) {
	t.Parallel()
	if !netnstest.InUnprivileged() {
		if netnstest.Isolate(t) {
			vxlanHere(t)
			netnstest.Unprivileged(t)
		}
		return
	}
	if got, err := Offload("vx"); err != nil || !got.TxChecksum {
		t.Errorf("%+v, %v", got, err)
	}
}

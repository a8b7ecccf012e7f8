package checks

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// nft loads rules into the namespace of the test.
func nft(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil && os.Getenv("NETLOOK_REQUIRE_NETNS") != "1" {
		t.Skip("nft is not installed")
	}
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

// podVeth is a pod's veth, on the bridge or not.
func (h flannelHost) podVeth(t *testing.T, name string, attach bool) {
	t.Helper()
	netnstest.Join(t, netnstest.End{NS: h.Namespace, Name: name}, netnstest.End{NS: netnstest.New(t), Name: "eth0"})
	link, err := h.LinkByName(name)
	if err == nil && attach {
		err = h.LinkSetMaster(link, h.bridge)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNodeWitness(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		breakIt func(t *testing.T, h flannelHost)
		want    map[string]check.Status // others pass
	}{
		{name: "healthy", want: map[string]check.Status{"node.proxy": check.Skipped}},
		{"underlay limited", func(t *testing.T, h flannelHost) {
			link, err := h.LinkByName("eth0")
			if err != nil {
				t.Fatal(err)
			}
			const rate = 125000
			if err := h.QdiscAdd(&netlink.Tbf{
				QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
				Rate:       rate, Limit: 60000, Buffer: netlink.Xmittime(rate, 3000),
			}); err != nil {
				t.Fatal(err)
			}
		}, map[string]check.Status{"node.qdisc": check.Warn, "node.proxy": check.Skipped}},
		{"a veth detached", func(t *testing.T, h flannelHost) { h.podVeth(t, "veth2", false) }, map[string]check.Status{"node.bridge": check.Warn, "node.proxy": check.Skipped}},
		{"kube-proxy dead", func(t *testing.T, _ flannelHost) { nft(t, "add table ip kube-proxy\n") }, map[string]check.Status{"node.proxy": check.Fail}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !netnstest.Isolate(t) {
				return
			}
			h := newFlannelHost(t)
			h.podVeth(t, "veth1", true)
			if tt.breakIt != nil {
				tt.breakIt(t, h)
			}
			for _, id := range []string{"node.counters", "node.bridge", "node.neightable", "node.qdisc", "node.proxy"} {
				want, special := tt.want[id]
				if !special {
					want = check.Pass
				}
				if r := run(t, id, flannelCluster())[0]; r.Status != want || r.Kernel == nil {
					t.Errorf("%s: %s %q %+v, want %s", id, r.Status, r.Summary, r.Evidence, want)
				}
			}
		})
	}
}

// What a second look after a probe's packets tells: which counters they moved, and
// where the kernel sent them.
func TestWitnessAfterPackets(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	newFlannelHost(t)
	nft(t, "table ip kube-proxy { chain out { type nat hook output priority -100; ip daddr 10.96.0.1 tcp dport 80 dnat to 192.0.2.77:8080; ip daddr 10.96.0.1 tcp dport 81 dnat to 192.0.2.254:8080; }; }")
	look := func(flows []Flow) facts.Kernel {
		var all facts.Kernel
		for _, task := range WitnessTasks(flows, time.Minute) {
			c, _ := Registry.Get(task.Check)
			r := c.Run(t.Context(), task)
			if r.Status != check.Pass {
				t.Errorf("%s: %s %q", task.ID, r.Status, r.Summary)
				continue
			}
			all.Flows = append(all.Flows, r.Kernel.Flows...)
			if r.Kernel.Counters != nil {
				all.Counters = r.Kernel.Counters
			}
		}
		return all
	}
	before := look(nil)
	var flows []Flow
	for _, dst := range []string{"10.96.0.1:80", "10.96.0.1:81"} {
		dialer := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4242}}
		if conn, err := dialer.Dial("tcp", dst); err == nil {
			_ = conn.Close()
			t.Fatal("nobody is there, and yet it was accepted")
		}
		flows = append(flows, Flow{Protocol: facts.TCP, Src: netip.MustParseAddrPort("192.0.2.1:4242"), Dst: netip.MustParseAddrPort(dst)})
	}
	after := look(flows)
	moved := facts.Moved(before.Counters, after.Counters)
	for _, name := range []string{"dev.eth0.txPackets", "dev.eth0.rxPackets", "tcp.ActiveOpens", "tcp.AttemptFails", "ip.OutRequests"} {
		if moved[name] == 0 {
			t.Errorf("%s did not move: %v", name, moved)
		}
	}
	if len(after.Flows) != 2 || after.Flows[0].SentTo().String() != "192.0.2.77:8080" || after.Flows[0].State != "SYN_SENT" {
		t.Fatalf("flows: %+v", after.Flows)
	}
	if after.Flows[1].Found {
		t.Errorf("a flow that was refused stays tracked: %+v", after.Flows[1])
	}
}

package netsys

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// rules loads nftables rules into the namespace of the test.
func rules(t *testing.T, text string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("NETLOOK_REQUIRE_NETNS") != "1" {
		t.Skip("nft is not installed")
	}
	if err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

// nat is what a kube-proxy does for a service: 10.96.0.1:80 and [fd00:96::1]:80 stand
// for port 8080 of the other end.
const nat = `
table inet kube {
	chain out {
		type nat hook output priority -100;
		ip daddr 10.96.0.1 meta l4proto { tcp, udp } dnat ip to 10.9.1.1
		ip6 daddr fd00:96::1 meta l4proto tcp dnat ip6 to fd00:9:1::1
	}
}`

func TestLookupFlow(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	near, far := netnstest.Here(t), netnstest.New(t)
	netnstest.Join(t,
		netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24", "fd00:9:1::2/64"}},
		netnstest.End{NS: far, Name: "near", Addrs: []string{"10.9.1.1/24", "fd00:9:1::1/64"}})
	near.Route(t, "0.0.0.0/0", "10.9.1.1", "")
	near.Route(t, "::/0", "fd00:9:1::1", "")
	far.Set(t, "net/ipv4/ip_forward", "0")
	rules(t, nat)
	near.Set(t, "net/netfilter/nf_conntrack_acct", "1")
	far.Do(t, func() {
		listener, err := net.Listen("tcp", "[::]:80")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
	})
	tests := []struct {
		name, network, dst string
		want               facts.Flow
		sentTo             string
	}{
		{"a service that answers", "tcp", "10.96.0.1:80", facts.Flow{State: "ESTABLISHED", SeenReply: true, Assured: true, DstNAT: true}, "10.9.1.1:80"},
		{"a service that answers, IPv6", "tcp", "[fd00:96::1]:80", facts.Flow{State: "ESTABLISHED", SeenReply: true, Assured: true, DstNAT: true}, "[fd00:9:1::1]:80"},
		{"a backend that is not there", "tcp", "198.51.100.1:80", facts.Flow{State: "SYN_SENT"}, "198.51.100.1:80"},
		{"a datagram", "udp", "10.96.0.1:53", facts.Flow{DstNAT: true}, "10.9.1.1:53"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			local := "10.9.1.2:0"
			if strings.HasPrefix(tt.dst, "[") {
				local = "[fd00:9:1::2]:0"
			}
			src := send(t, tt.network, local, tt.dst)
			got, err := LookupFlow(tt.network, src, netip.MustParseAddrPort(tt.dst))
			if err != nil || !got.Found {
				t.Fatalf("%+v, %v", got, err)
			}
			if got.SentTo().String() != tt.sentTo || got.SeenAs() != src || got.Orig != (facts.Tuple{Src: src.String(), Dst: tt.dst}) {
				t.Errorf("%+v, reply %+v", got, got.Reply)
			}
			if got.Packets == nil || got.Packets.Orig == 0 || got.SeenReply != (got.Packets.Reply > 0) {
				t.Errorf("packets: %+v", got.Packets)
			}
			if got.Expires == 0 {
				t.Error("no timeout")
			}
			state := facts.Flow{State: got.State, SeenReply: got.SeenReply, Assured: got.Assured, SrcNAT: got.SrcNAT, DstNAT: got.DstNAT}
			if state != tt.want {
				t.Errorf("got %+v, want %+v", state, tt.want)
			}
		})
	}
	nobody := netip.MustParseAddrPort("10.9.1.2:9")
	if got, err := LookupFlow("tcp", nobody, netip.MustParseAddrPort("10.96.0.1:80")); err != nil || got.Found || got.Orig.Src != nobody.String() {
		t.Errorf("no such flow: %+v, %v", got, err)
	}
	if _, err := LookupFlow("tcp", nobody, netip.MustParseAddrPort("[::1]:80")); err == nil {
		t.Error("two families, and no error")
	}
	if c, err := ConntrackCounters(); err != nil || len(c) < 5 {
		t.Errorf("ctnetlink's counters: %v, %v", c, err)
	}
}

// send opens a flow that lasts as long as the test, and returns its source.
func send(t *testing.T, network, local, dst string) netip.AddrPort {
	t.Helper()
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	source := netip.MustParseAddrPort(local)
	dialer.LocalAddr = net.TCPAddrFromAddrPort(source)
	if network == "udp" {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(source)
	}
	conn, err := dialer.Dial(network, dst)
	if err != nil {
		// The port is not known of a connection that failed: give it one.
		port := netip.AddrPortFrom(source.Addr(), 4242)
		dialer.LocalAddr = net.TCPAddrFromAddrPort(port)
		_, _ = dialer.Dial(network, dst)
		return port
	}
	t.Cleanup(func() { _ = conn.Close() })
	if network == "udp" {
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

func TestLookupFlowUnprivileged(t *testing.T) {
	t.Parallel()
	if !netnstest.InUnprivileged() {
		if netnstest.Isolate(t) {
			netnstest.Unprivileged(t)
		}
		return
	}
	at := netip.MustParseAddrPort("10.9.1.2:9")
	if _, err := LookupFlow("tcp", at, at); !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v, want EPERM", err)
	}
	if c, err := Counters(os.DirFS(ProcNet), nil); err != nil || len(c) < 50 {
		t.Errorf("%d counters, %v", len(c), err)
	}
}

// TestParseHostile cuts a message at every byte: nothing may break.
func TestParseHostile(t *testing.T) {
	flow := append([]byte{2, 0, 0, 0}, tupleAttr(6, netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2")).Serialize()...)
	for i := range len(flow) {
		_, _ = parseFlow(flow[:i])
		_, _ = parseRule(flow[:i])
		_, _ = parseRule(bytes.Repeat([]byte{0xff}, i))
	}
}

func TestBridgeLinks(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	near, far := netnstest.Here(t), netnstest.New(t)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cni0"}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(near.LinkAdd(bridge))
	must(near.LinkSetUp(bridge))
	for _, name := range []string{"veth1", "veth2", "veth3"} {
		netnstest.Join(t, netnstest.End{NS: near, Name: name}, netnstest.End{NS: far, Name: "pod" + name})
		link, err := near.LinkByName(name)
		must(err)
		if name != "veth3" {
			must(near.LinkSetMaster(link, bridge))
		}
		if name == "veth1" {
			must(near.LinkSetHairpin(link, true))
			must(near.LinkSetIsolated(link, true))
		}
	}
	links, err := BridgeLinks()
	must(err)
	seen := map[string]facts.Link{}
	for _, l := range links {
		seen[l.Name] = l
	}
	for name, hairpin := range map[string]bool{"veth1": true, "veth2": false} {
		l := seen[name]
		if l.Master != "cni0" || l.Hairpin == nil || *l.Hairpin != hairpin || l.Isolated != hairpin || l.PortState != "forwarding" || l.PeerNetns < 0 || l.PeerIndex == 0 {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if l := seen["veth3"]; l.Master != "" || l.Hairpin != nil || l.PortState != "" || seen["cni0"].Hairpin != nil {
		t.Errorf("veth3: %+v, cni0: %+v", l, seen["cni0"])
	}
}

func TestQdiscsAndRules(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	near := netnstest.Here(t)
	netnstest.Join(t, netnstest.End{NS: near, Name: "eth0", Addrs: []string{"10.9.1.2/24"}}, netnstest.End{NS: netnstest.New(t), Name: "far"})
	link, err := near.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	const rate = 10_000_000 / 8
	if err := near.QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate, Limit: 60000, Buffer: netlink.Xmittime(rate, 32000),
	}); err != nil {
		t.Fatal(err)
	}
	qdiscs, err := Qdiscs()
	i := slices.IndexFunc(qdiscs, func(q facts.Qdisc) bool { return q.Dev == "eth0" && q.Kind == "tbf" })
	if err != nil || i < 0 {
		t.Fatalf("%+v, %v", qdiscs, err)
	}
	if q := qdiscs[i]; q.Rate != 10_000_000 || q.Parent != "root" || !strings.HasPrefix(q.Params, "rate 10Mbit, burst 32000 bytes, limit 60000") {
		t.Errorf("%+v", q)
	}
	rule := netlink.NewRule()
	_, rule.Src, _ = net.ParseCIDR("10.9.7.0/24")
	rule.Priority, rule.Table, rule.Mark = 100, 1000, 7
	if err := near.RuleAdd(rule); err != nil {
		t.Fatal(err)
	}
	all, err := Rules()
	if err != nil || len(all) < 5 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0] != (facts.Rule{Family: IPv4, Priority: 0, Action: "lookup", Table: 255, Suppress: -1}) {
		t.Errorf("first rule: %+v", all[0])
	}
	want := facts.Rule{Family: IPv4, Priority: 100, Action: "lookup", Table: 1000, Src: "10.9.7.0/24", Mark: 7, Mask: 0xffffffff, Suppress: -1}
	if all[1] != want {
		t.Errorf("got %+v, want %+v", all[1], want)
	}
}

func TestProxyRules(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	if got, err := ProxyRules(); err != nil || len(got) != 0 {
		t.Errorf("nothing there: %v, %v", got, err)
	}
	rules(t, "add table ip kube-proxy\nadd table ip nat\nadd chain ip nat KUBE-SERVICES\nadd chain ip nat KUBE-SERVICES-OTHER\nadd table ip6 other\nadd chain ip6 other KUBE-SERVICES\n")
	// A dummy in earnest, which not every kernel has.
	if err := netnstest.Here(t).LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "kube-ipvs0"}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"iptables-nft ip KUBE-SERVICES", "ipvs kube-ipvs0", "nftables ip kube-proxy"}
	if got, err := ProxyRules(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// The old iptables, where the machine has it.
func TestProxyRulesLegacy(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	for _, args := range [][]string{{"-t", "nat", "-N", "KUBE-SERVICES-NOT"}, {"-t", "nat", "-N", "KUBE-SERVICES"}} {
		got, err := ProxyRules()
		if err != nil || len(got) != 0 {
			t.Errorf("before %v: %v, %v", args, got, err)
		}
		if out, err := exec.Command("iptables-legacy", args...).CombinedOutput(); err != nil {
			netnstest.Lacking(t, "iptables-legacy does not work here: %v %s", err, out)
		}
	}
	if got, err := ProxyRules(); err != nil || !slices.Equal(got, []string{"iptables-legacy ip KUBE-SERVICES"}) {
		t.Errorf("%v, %v", got, err)
	}
}

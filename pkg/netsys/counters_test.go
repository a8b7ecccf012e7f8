package netsys

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestCounters(t *testing.T) {
	root := fstest.MapFS{
		"snmp": {Data: []byte("Ip: Forwarding DefaultTTL ForwDatagrams\nIp: 1 64 12\nTcp: MaxConn CurrEstab RetransSegs\nTcp: -1 3 7\nUdpLite: InDatagrams\nUdpLite: 1\n")},
		// A line without its other half, and one that is shorter than its headings.
		"netstat":           {Data: []byte("TcpExt: ListenDrops IPReversePathFilter\nTcpExt: 2 5\nIpExt: InNoRoutes\nIpExt: 9\nMPTcpExt: A B\nMPTcpExt: 1\nTcpExt: X")},
		"snmp6":             {Data: []byte("Ip6InReceives  \t4\nIcmp6InType134 9\nUdp6InErrors 1\nnonsense\n")},
		"softnet_stat":      {Data: []byte("00000010 00000001 00000000 00000000\n0000000f 00000002 00000003 00000000\n")},
		"stat/nf_conntrack": {Data: []byte("entries  found invalid insert_failed drop\n0000000a 00000000 00000001 00000002 00000003\n0000000a 00000000 00000001 00000000 0000000f\n")},
		"stat/arp_cache":    {Data: []byte("entries table_fulls\n00000003 00000001\n")},
		"stat/ndisc_cache":  {Data: []byte("")},
	}
	got, err := Counters(root, []facts.Link{{Name: "flannel.1", TxPackets: 8, RxDropped: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{
		"ip.ForwDatagrams": 12, "tcp.RetransSegs": 7, "tcpext.ListenDrops": 2, "tcpext.IPReversePathFilter": 5, "ip.InNoRoutes": 9,
		"ip6.InReceives": 4, "udp6.InErrors": 1,
		"softnet.processed": 31, "softnet.dropped": 3, "softnet.timeSqueeze": 3,
		"conntrack.found": 0, "conntrack.invalid": 2, "conntrack.insert_failed": 2, "conntrack.drop": 18, "arp.table_fulls": 1,
		"dev.flannel.1.txPackets": 8, "dev.flannel.1.rxPackets": 0, "dev.flannel.1.txErrors": 0,
		"dev.flannel.1.rxErrors": 0, "dev.flannel.1.txDropped": 0, "dev.flannel.1.rxDropped": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := Counters(fstest.MapFS{}, nil); err == nil {
		t.Error("nothing could be read, and no error")
	}
}

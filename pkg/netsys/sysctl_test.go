package netsys

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestSysctls(t *testing.T) {
	root := fstest.MapFS{
		"net/ipv4/ip_forward":                 {Data: []byte("1\n")},
		"net/ipv4/conf/all/rp_filter":         {Data: []byte("2\n")},
		"net/ipv4/conf/eth0.100/rp_filter":    {Data: []byte("0\n")},
		"net/ipv4/conf/eth0.100/forwarding":   {Data: []byte("1\n")},
		"net/ipv4/ping_group_range":           {Data: []byte("0\t2147483647\n")},
		"net/netfilter/nf_conntrack_count":    {Data: []byte("12\n")},
		"net/netfilter/nf_conntrack_max":      {Data: []byte("262144\n")},
		"net/ipv4/conf/directory/rp_filter/x": {Data: []byte("a directory is not a setting")},
	}
	want := []facts.Sysctl{
		{Name: "net.ipv4.conf.all.rp_filter", Value: "2"},
		{Name: "net.ipv4.conf.eth0/100.rp_filter", Value: "0"},
		{Name: "net.ipv4.ip_forward", Value: "1"},
		{Name: "net.ipv4.ping_group_range", Value: "0\t2147483647"},
	}
	got := Sysctls(root, "net/ipv4/ip_forward", "net/ipv4/conf/*/rp_filter", "net/ipv4/ping_group_range",
		"net/bridge/bridge-nf-call-iptables", "net/ipv4/ip_forward")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadConntrack(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	count, limit := "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"
	got, err := ReadConntrack(fstest.MapFS{count: file("12\n"), limit: file("262144\n")})
	if want := (facts.Conntrack{Count: 12, Max: 262144}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := ReadConntrack(fstest.MapFS{limit: file("1")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not loaded: %v, want not exist", err)
	}
	if _, err := ReadConntrack(fstest.MapFS{count: file("many"), limit: file("1")}); err == nil {
		t.Error("no number: want an error")
	}
}

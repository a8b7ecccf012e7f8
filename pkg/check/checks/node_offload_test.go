package checks

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestOffloadingLinks(t *testing.T) {
	tests := []struct {
		name   string
		change func(*facts.Kernel)
		want   []string
	}{
		{name: "flannel", want: []string{"eth0", "flannel.1"}},
		{name: "no tunnel", change: func(k *facts.Kernel) { k.Links[2].Kind, k.Links[2].VXLAN = "dummy", nil }},
		{name: "the underlay is a bond of two", change: func(k *facts.Kernel) {
			k.Links[1].Kind = "bond"
			k.Links = append(k.Links, facts.Link{Index: 20, Name: "eno1", Master: "eth0", PeerNetns: -1}, facts.Link{Index: 21, Name: "eno2", PeerNetns: -1})
		}, want: []string{"eth0", "flannel.1", "eno1"}},
		{name: "the underlay is a veth itself", change: func(k *facts.Kernel) { k.Links[1].Kind, k.Links[1].PeerNetns = "veth", 3 }, want: []string{"eth0", "flannel.1"}},
		{name: "Geneve", change: func(k *facts.Kernel) { k.Links[2].Kind, k.Links[2].VXLAN = "geneve", nil }, want: []string{"eth0", "flannel.1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := qdiscParams{IPs: addrs("192.0.2.1")}
			p.nodeParams, _ = params(t, "node.bridge", flannelCluster())
			k := bridgeKernel()
			if tt.change != nil {
				tt.change(&k)
			}
			var got []string
			for _, l := range offloading(p, k) {
				got = append(got, l.Name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReadOffloads(t *testing.T) {
	links := []facts.Link{{Name: "eth0"}, {Name: "vx\x1b[2J", Kind: "vxlan"}, {Name: "gone", Kind: "vxlan"}}
	r := readOffloads(links, func(name string) (*facts.Offload, error) {
		if name == "gone" {
			return nil, syscall.ENODEV
		}
		return &facts.Offload{TxChecksum: name != "eth0", GRO: true}, nil
	})
	if r.Status != check.Pass || !strings.HasPrefix(r.Summary, "tx checksumming is on at vx") || strings.Contains(r.Summary, "\x1b") {
		t.Errorf("%s %q", r.Status, r.Summary)
	}
	if len(r.Kernel.Links) != 2 || r.Kernel.Links[0].Offload.TxChecksum || !r.Kernel.Links[1].Offload.TxChecksum {
		t.Errorf("%+v", r.Kernel.Links)
	}
	if got := evidenceIn(r, "eth0"); got != "tx checksumming off, rx checksumming off, TSO off, GSO off, GRO on" {
		t.Errorf("eth0: %q", got)
	}
	if r := readOffloads(links[2:], func(string) (*facts.Offload, error) { return nil, syscall.ENODEV }); r.Status != check.Skipped || r.Skip == nil {
		t.Errorf("nobody can be asked: %s %q", r.Status, r.Summary)
	}
	if r := readOffloads(nil, nil); r.Status != check.Skipped {
		t.Errorf("no tunnel: %s %q", r.Status, r.Summary)
	}
}

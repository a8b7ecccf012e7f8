package checks

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func TestTunnelled(t *testing.T) {
	links := []facts.Link{
		{Name: "eth0", Addrs: []string{"192.168.0.1/24"}}, {Name: "lo", Addrs: []string{"127.0.0.1/8"}},
		{Name: "flannel.1", VXLAN: &facts.VXLAN{Port: 8472, Local: "192.168.0.1"}}, {Name: "odd", VXLAN: &facts.VXLAN{Port: 70000}},
	}
	flow := func(protocol, src, dst string, left int) facts.Flow {
		return facts.Flow{Protocol: protocol, Orig: facts.Tuple{Src: src, Dst: dst}, Expires: left}
	}
	tunnels := tunnelledOf(links, 5*time.Second, netsys.FlowTimeouts{"udp_timeout": 30 * time.Second})
	if diff := cmp.Diff([]string{netsys.IPv4}, tunnels.families); diff != "" {
		t.Error(diff)
	}
	for _, f := range []facts.Flow{
		flow("udp", "192.168.0.2:40000", "192.168.0.1:8472", 29), flow("udp", "192.168.0.2:40001", "192.168.0.1:8472", 26),
		flow("udp", "192.168.0.2:40002", "192.168.0.1:8472", 20), // long ago
		flow("udp", "192.168.0.3:40000", "192.168.0.1:8472", 30),
		flow("tcp", "192.168.0.2:40003", "192.168.0.1:8472", 29), flow("udp", "192.168.0.2:40004", "192.168.0.1:53", 29),
		flow("udp", "192.168.0.1:40000", "192.168.0.2:8472", 29), // its own
		flow("udp", "192.168.0.2:40005", "192.168.0.9:8472", 29), // passing through
		flow("udp", "nobody", "192.168.0.1:8472", 29),
	} {
		tunnels.count(f)
	}
	if diff := cmp.Diff(map[string]int{"192.168.0.2": 2, "192.168.0.3": 1}, tunnels.from); diff != "" {
		t.Error(diff)
	}
	if none := tunnelledOf(links[:2], time.Second, nil); len(none.families) > 0 {
		t.Errorf("without a tunnel: %v", none.families)
	}
}

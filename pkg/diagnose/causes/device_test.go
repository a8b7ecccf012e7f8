package causes

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestDevice(t *testing.T) {
	for name, want := range map[string]string{
		"eth0": "eth0", "eth0.100": "eth0.100", "cni-podman0": "cni-podman0", "fifteen-letters": "fifteen-letters",
		"": "DEVICE", "sixteen--letters": "DEVICE", "-br0": "DEVICE", "a b": "DEVICE", "a;id": "DEVICE", "$(id)": "DEVICE", `a"b`: "DEVICE", "a`id`": "DEVICE", "a\u202eb": "DEVICE",
	} {
		if got := device(name); got != want {
			t.Errorf("device(%q) is %q, want %q", name, got, want)
		}
	}
}

// What a probe calls an interface is not typed by root on another machine.
func TestHostileDevices(t *testing.T) {
	const hostile = "$(reboot)"
	rename := func(w *world, names ...string) *world {
		for i := range w.results {
			k := w.results[i].Kernel
			for _, name := range names {
				for j := range deref(k).Links {
					if k.Links[j].Name == name {
						k.Links[j].Name = hostile
					}
					if k.Links[j].Master == name {
						k.Links[j].Master = hostile
					}
				}
				for j := range deref(k).Sysctls {
					k.Sysctls[j].Name = strings.ReplaceAll(k.Sysctls[j].Name, name, hostile)
				}
			}
		}
		return w
	}
	gateway := defaultBy("192.168.0.77", "failed")
	gateway.Routes[0].Dev, gateway.Neighbours[0].Dev = hostile, hostile
	other, silent := gateway.Routes[0], gateway.Neighbours[0] // the first may then be deleted
	other.Gateway, silent.IP = "192.168.0.78", "192.168.0.78"
	gateway.Routes, gateway.Neighbours = append(gateway.Routes, other), append(gateway.Neighbours, silent)
	wrong := facts.Kernel{Neighbours: []facts.Neighbour{{IP: "10.2.0.3", Dev: hostile, MAC: "02:00:00:00:00:01", State: "permanent"}}}
	inside := facts.Kernel{Links: []facts.Link{{Name: "eth0", MAC: "0a:00:00:00:00:03", Addrs: []string{"10.2.0.3/24"}}}}
	for code, w := range map[string]*world{
		"NL-NODE-GATEWAY":       newWorld().fail(check.Timeout, -1, "external.host").read("a", "node.neightable", check.Pass, "fine").kernel("node.neightable a", gateway),
		"NL-POD-NEIGHBOUR":      newWorld().onePod("10.2.0.3").within("pod/shop/web-2", inside).read("b", "node.neightable", check.Pass, "fine").kernel("node.neightable b", wrong),
		"NL-NODE-PORT-ISOLATED": rename(newWorld().onePod("10.1.0.2").bridgePorts(true, true).within("pod/shop/web-0", isolatedPeer(8)).deep(), "vethx"),
		"NL-POD-GATEWAY":        rename(silentGateway("8"), "br0"),
	} {
		v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
		if len(v.Causes) == 0 || v.Causes[0].Code != code || len(v.Causes[0].Try) == 0 {
			t.Errorf("%s: got %q", code, codes(v.Causes))
			continue
		}
		if try := strings.Join(v.Causes[0].Try, "\n"); strings.Contains(try, "reboot") || code != "NL-POD-NEIGHBOUR" && !strings.Contains(try, "DEVICE") {
			t.Errorf("%s: %s", code, try)
		}
	}
}

func deref(k *facts.Kernel) facts.Kernel {
	if k == nil {
		return facts.Kernel{}
	}
	return *k
}

// The only default route of a node is not told to be deleted: its router may be back soon.
func TestOnlyDefaultRouteStays(t *testing.T) {
	w := newWorld().fail(check.Timeout, -1, "external.host").read("a", "node.neightable", check.Pass, "fine").kernel("node.neightable a", defaultBy("192.168.0.77", "failed"))
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if len(v.Causes) == 0 || v.Causes[0].Code != "NL-NODE-GATEWAY" || strings.Contains(strings.Join(v.Causes[0].Try, "\n"), "del") {
		t.Errorf("%+v", v.Causes)
	}
}

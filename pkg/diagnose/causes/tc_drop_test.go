package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// tcDevices are those of node b as nodeDevices, without a bond.
func tcDevices() []facts.Link {
	return append(nodeDevices(), facts.Link{Index: 10, Name: "vethc", Kind: "veth", Master: "cni0", PeerIndex: 2})
}

// tcWorld is twoStopped with something attached on node b, and no rules: two pods of node b
// do not answer, and their connections are not in its tracking.
func tcWorld(plugin string, attached ...facts.Attached) *world {
	w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "service.endpoint 10.2.0.3").fail(check.Timeout, 4, "service.vip").deep().
		left(true).tracks("b").tunnelled(false).attach("b", attached...)
	w.facts.Network.Plugin = plugin
	return w.read("b", "node.bridge", check.Pass, "ports").kernel("node.bridge b", facts.Kernel{Links: tcDevices()})
}

// attach is what the check node.tc read.
func (w *world) attach(node string, attached ...facts.Attached) *world {
	w.read(node, "node.tc", check.Warn, "attached").kernel("node.tc "+node, facts.Kernel{Attached: attached})
	w.results[len(w.results)-1].Failure = check.Config
	return w
}

// came says how many flows a node took out of the tunnel from node a, whose address is that.
func (w *world) came(node string, n int) *world {
	i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == "node.flows "+node })
	w.results[i].Kernel.Tunnelled = map[string]int{w.facts.Nodes[0].IPs[0].String(): n}
	return w
}

// sent marks the flows of a node as sent on and not answered.
func (w *world) sent(node string) *world {
	i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == "node.flows "+node })
	for j := range w.results[i].Kernel.Flows {
		f := &w.results[i].Kernel.Flows[j]
		f.Found, f.State, f.Reply = true, "SYN_SENT", &facts.Tuple{Src: f.Orig.Dst, Dst: f.Orig.Src}
	}
	return w
}

func program(dev, hook, direction, name string) facts.Attached {
	a := facts.Attached{Dev: dev, Hook: hook, Direction: direction, Mode: "generic", Decides: true, ID: 7, Program: name}
	if hook == facts.TC {
		a.Kind, a.Pref, a.Handle, a.Protocol = "bpf", 3, "0x1", "all"
	}
	return a
}

func countedBy(a facts.Attached, by string) facts.Attached {
	a.Packets, a.CountedBy = new(uint64), by
	return a
}

func pods(a facts.Attached, pods ...string) facts.Attached {
	a.Pods = pods
	return a
}

func redirect(dev string, m facts.Match) facts.Attached {
	return countedBy(facts.Attached{Dev: dev, Hook: facts.TC, Direction: "ingress", Kind: "u32", Pref: 9, Handle: "800::800", Protocol: "ip", Takes: []string{"redirect to nl0 (bridge)"}, Match: &m}, ownAction)
}

func (w *world) tcCase(moves map[string]uint64) *diagnose.Case {
	c := diagnose.NewCase(&w.facts, w.results)
	c.Moved = moved{"b": moves}
	return c
}

func TestTCDrop(t *testing.T) {
	port := facts.Ports{First: 8080, Last: 8080}
	one := facts.Match{Family: "ip", Dst: "10.2.0.3/32", Protocol: "tcp", DstPort: port}
	others := facts.Match{Family: "ip", Dst: "10.2.0.9/32"}
	arrives := map[string]uint64{"dev.flannel.1.rxPackets": 20, "dev.vetha.rxPackets": 20, "dev.eth0.rxPackets": 900, "dev.cni0.txPackets": 0}
	for _, tt := range []struct {
		name, plugin string
		a            facts.Attached
		n            uint64 // that its counter grew by
		want         diagnose.Confidence
		says         string
		prepare      func(*world)
	}{
		{"a redirect that names one", "flannel", redirect("flannel.1", one), 3, diagnose.Certain, "a tc filter at flannel.1 of node b redirects what goes to 10.2.0.3:8080: ", nil},
		{"which others meet as well", "flannel", redirect("flannel.1", one), 300, diagnose.Likely, "10.2.0.3:8080", nil},
		{"which counted fewer", "flannel", redirect("flannel.1", facts.Match{DstPort: port}), 5, diagnose.Possible, "10.2.0.2:8080 and 10.2.0.3:8080", nil},
		{"which names somebody else", "flannel", redirect("flannel.1", others), 30, 0, "", nil},
		{"which counted nothing", "flannel", redirect("flannel.1", one), 0, 0, "", nil},
		{"at the underlay, where only the tunnel passes", "flannel", redirect("eth0", one), 9, 0, "", nil},
		{"at a device that is not on the way", "flannel", redirect("docker0", one), 9, 0, "", nil},
		{"a redirect on Cilium is no reason without tracking", "Cilium", redirect("flannel.1", one), 9, 0, "", func(w *world) {
			i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == "node.bridge b" })
			w.results[i].Kernel.Links = append(w.results[i].Kernel.Links, facts.Link{Name: "cilium_host"})
		}},

		{"a program that a qdisc counts for", "flannel", countedBy(program("flannel.1", facts.TC, "ingress", "cil_from_overlay"), "qdisc clsact of flannel.1"), 12, diagnose.Certain, "an eBPF program at flannel.1 of node b drops what goes to 10.2.0.2:8080 and 10.2.0.3:8080: ", nil},
		{"which drops much more", "flannel", countedBy(program("flannel.1", facts.TC, "ingress", "cil_from_overlay"), "qdisc clsact of flannel.1"), 1200, diagnose.Likely, "an eBPF program", nil},
		{"where the packets of all pass", "flannel", countedBy(program("eth0", facts.XDP, "ingress", "guard"), "the driver of eth0"), 12, diagnose.Likely, "an eBPF program at eth0", nil},
		{"and a rule that counts nothing", "flannel", countedBy(program("flannel.1", facts.TC, "ingress", "guard"), "qdisc clsact of flannel.1"), 12, diagnose.Likely, "an eBPF program", func(w *world) { w.drops("b", "prerouting", false) }},

		{"a program that counts nothing", "flannel", program("flannel.1", facts.XDP, "ingress", ""), 0, diagnose.Likely, "an eBPF program at flannel.1 of node b takes what goes to 10.2.0.2:8080 and 10.2.0.3:8080: XDP (generic) of flannel.1, program 7", nil},
		{"and a rule that counts nothing either", "flannel", program("flannel.1", facts.XDP, "ingress", ""), 0, diagnose.Possible, "an eBPF program", func(w *world) { w.drops("b", "prerouting", false) }},
		{"and a rule that names them, and counts nothing", "flannel", program("flannel.1", facts.XDP, "ingress", ""), 0, diagnose.Possible, "an eBPF program", func(w *world) {
			w.rule("b", facts.Drop{Family: "netdev", Table: "guard", Chain: "c", Handle: 7, Hook: "ingress", Verdict: "drop", Match: &facts.Match{In: "flannel.1", Protocol: "tcp", DstPort: port}})
		}},
		{"whose tunnel took in nothing from the own node", "flannel", program("flannel.1", facts.XDP, "ingress", ""), 0, diagnose.Possible, "an eBPF program", func(w *world) { w.came("b", 0) }},
		{"at the underlay", "flannel", program("eth0", facts.XDP, "ingress", ""), 0, diagnose.Possible, "an eBPF program", nil},
		{"at an egress that is not on the way in", "flannel", program("flannel.1", facts.TCX, "egress", ""), 0, 0, "", nil},
		{"Cilium's own", "Cilium", program("flannel.1", facts.TCX, "ingress", "cil_from_overlay"), 0, 0, "", nil},
		{"without a name, on Cilium", "Cilium", program("flannel.1", facts.TCX, "ingress", ""), 0, 0, "", nil},
		{"where no plugin is known", "", program("flannel.1", facts.TCX, "ingress", ""), 0, 0, "", nil},

		{"which takes answers, and is counted", "flannel", pods(countedBy(program("vetha", facts.TC, "ingress", "cil_from_container"), "qdisc clsact of vetha"), "10.2.0.3"), 9, diagnose.Certain, "drops the answers from 10.2.0.3:8080: ", func(w *world) { w.sent("b") }},
		{"which may take answers", "flannel", pods(program("vetha", facts.TCX, "ingress", "guard"), "10.2.0.3"), 0, diagnose.Possible, "takes the answers from 10.2.0.3:8080: ", func(w *world) { w.sent("b") }},
		{"of another pod", "flannel", pods(countedBy(program("vetha", facts.TC, "ingress", "cil_from_container"), "qdisc clsact of vetha"), "10.2.0.9"), 9, 0, "", func(w *world) { w.sent("b") }},
		{"of a pod that is not known", "flannel", countedBy(program("vetha", facts.TC, "ingress", "cil_from_container"), "qdisc clsact of vetha"), 9, diagnose.Possible, "the answers", func(w *world) { w.sent("b") }},
		{"before which they ended", "flannel", pods(countedBy(program("vetha", facts.TC, "ingress", "cil_from_container"), "qdisc clsact of vetha"), "10.2.0.3"), 9, 0, "", nil},
		{"which takes what goes to the bridge", "flannel", program("cni0", facts.TCX, "egress", "guard"), 0, diagnose.Possible, "takes what goes to 10.2.0.2:8080 and 10.2.0.3:8080: ", func(w *world) { w.sent("b") }},
		{"answers that set out, and were not heard", "flannel", countedBy(program("flannel.1", facts.TC, "egress", "guard"), "qdisc clsact of flannel.1"), 9, diagnose.Certain, "drops the answers from 10.2.0.2:8080 and 10.2.0.3:8080: ", func(w *world) {
			w.sent("b").answered("b")
			i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == "node.flows b" })
			for j := range w.results[i].Kernel.Flows {
				w.results[i].Kernel.Flows[j].State = "SYN_RECV"
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := tcWorld(tt.plugin, tt.a).came("b", 6)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			moves := map[string]uint64{tt.a.Counter(): tt.n}
			for name, n := range arrives {
				moves[name] = n
			}
			found := findTCDrop(w.tcCase(moves))
			if tt.want == 0 {
				if len(found) > 0 {
					t.Fatalf("want nothing, got %+v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Confidence != tt.want || !strings.Contains(found[0].Headline, tt.says) {
				t.Fatalf("want %s %q, got %+v", tt.want, tt.says, found)
			}
			removal := slices.ContainsFunc(found[0].Try, func(command string) bool { return strings.Contains(command, "once you know whose it is") })
			if removal != (tt.want == diagnose.Certain) {
				t.Errorf("try %q", found[0].Try)
			}
			if explains := slices.Contains(found[0].Explains, "node/b node.tc b"); explains != (tt.want == diagnose.Certain) {
				t.Errorf("explains %q: what may be harmless is no reason to be named", found[0].Explains)
			}
			for _, e := range append(found[0].Explains, "service.endpoint") {
				if strings.Contains(e, "10.1.0.") {
					t.Errorf("explains %q", found[0].Explains)
				}
			}
		})
	}
}

// TestTCDropSeveral: of several that count nothing it is not said which it was.
func TestTCDropSeveral(t *testing.T) {
	w := tcWorld("flannel", program("flannel.1", facts.XDP, "ingress", ""), program("flannel.1", facts.TCX, "ingress", "guard")).came("b", 6)
	found := findTCDrop(w.tcCase(map[string]uint64{"dev.flannel.1.rxPackets": 20}))
	if len(found) != 1 || found[0].Confidence != diagnose.Likely || !strings.HasPrefix(found[0].Headline, "one of 2 eBPF programs and tc filters on node b may take ") || len(found[0].Where) != 3 {
		t.Errorf("%+v", found)
	}
}

// TestTCDropBeside: a qdisc's drops are those of all filters' actions as well, so that a
// program beside a filter that drops did not take what that counted.
func TestTCDropBeside(t *testing.T) {
	guard := pods(countedBy(program("vetha", facts.TC, "ingress", "watch"), "qdisc clsact of vetha"), "10.2.0.3")
	shot := redirect("vetha", facts.Match{Family: "ip", Src: "10.2.0.3/32", Protocol: "tcp"})
	shot.Takes, shot.Pods = []string{"drop"}, guard.Pods
	elsewhere := shot
	elsewhere.Direction = "egress"
	for name, tt := range map[string]struct {
		beside      facts.Attached
		qdisc, acts uint64
		want        diagnose.Confidence
	}{
		"all of it":                     {shot, 9, 9, 0},
		"more than it":                  {shot, 9, 4, diagnose.Likely},
		"in the other direction":        {elsewhere, 9, 9, 0},
		"which counted nothing":         {elsewhere, 9, 0, diagnose.Likely},
		"one that drops beyond a rate":  {facts.Attached{Dev: "vetha", Hook: facts.TC, Direction: "egress", Takes: []string{"police (drop beyond a rate)"}}, 9, 0, diagnose.Likely},
		"one that takes nothing":        {facts.Attached{Dev: "vetha", Hook: facts.TC, Direction: "egress", Kind: "u32"}, 9, 0, diagnose.Certain},
		"one that drops somewhere else": {facts.Attached{Dev: "vethc", Hook: facts.TC, Takes: []string{"drop"}}, 9, 0, diagnose.Certain},
	} {
		w := tcWorld("flannel", guard, tt.beside).came("b", 6).sent("b")
		found := slices.DeleteFunc(findTCDrop(w.tcCase(map[string]uint64{guard.Counter(): tt.qdisc, tt.beside.Counter(): tt.acts})), func(f diagnose.Finding) bool {
			return !strings.Contains(f.Headline, "watch")
		})
		if tt.want == 0 && len(found) > 0 || tt.want != 0 && (len(found) != 1 || found[0].Confidence != tt.want) {
			t.Errorf("%s: want %v, got %+v", name, tt.want, found)
		}
	}
}

// TestTCDropBefore: what stands before a filter may let pass what that would take.
func TestTCDropBefore(t *testing.T) {
	drop := redirect("flannel.1", facts.Match{Family: "ip", Dst: "10.2.0.3/32", Protocol: "tcp"})
	lets := facts.Attached{Dev: "flannel.1", Hook: facts.TC, Direction: "ingress", Kind: "u32", Pref: 8, Handle: "800::800", Match: &facts.Match{}}
	later, egress, same, tcx := lets, lets, lets, program("flannel.1", facts.TCX, "ingress", "cil_x")
	later.Pref, egress.Direction, same.Pref, same.Handle = 10, "egress", 9, "800::1"
	for name, tt := range map[string]struct {
		o    facts.Attached
		want diagnose.Confidence
	}{
		"before": {lets, diagnose.Likely}, "of its priority": {same, diagnose.Likely}, "tcx": {tcx, diagnose.Likely},
		"behind": {later, diagnose.Certain}, "the other way": {egress, diagnose.Certain},
	} {
		w := tcWorld("flannel", tt.o, drop).came("b", 6)
		found := slices.DeleteFunc(findTCDrop(w.tcCase(map[string]uint64{drop.Counter(): 9})), func(f diagnose.Finding) bool { return !strings.Contains(f.Headline, "redirects") })
		if len(found) != 1 || found[0].Confidence != tt.want {
			t.Errorf("%s: want %s, got %+v", name, tt.want, found)
		}
	}
}

// TestDetach: the command takes away one filter, not all of its priority.
func TestDetach(t *testing.T) {
	whole := redirect("flannel.1", facts.Match{})
	const want = "tc filter del dev flannel.1 ingress protocol ip pref 9 handle 800::800 u32   (on node b, once you know whose it is)"
	if got := detach(takenAt{node: "b", a: whole}); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
	for name, spoil := range map[string]func(*facts.Attached){
		"no handle": func(a *facts.Attached) { a.Handle = "" }, "no kind": func(a *facts.Attached) { a.Kind = "" },
		"no protocol": func(a *facts.Attached) { a.Protocol = "" }, "no priority": func(a *facts.Attached) { a.Pref = 0 },
		"a shell's words": func(a *facts.Attached) { a.Handle = "1; reboot" },
	} {
		a := whole
		spoil(&a)
		if got := detach(takenAt{node: "b", a: a}); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTCDropRests: a world in which nothing failed, one in which nobody looked, and one in
// which connections got through.
func TestTCDropRests(t *testing.T) {
	guard := program("flannel.1", facts.XDP, "ingress", "guard")
	for name, w := range map[string]*world{
		"healthy":        newWorld().deep().left(true).tracks("b").tunnelled(true).attach("b", guard),
		"nobody looked":  newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3"),
		"only the check": newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").deep().attach("b", guard),
	} {
		w.facts.Network.Plugin = "flannel"
		if name == "healthy" {
			w.answered("b")
		}
		if found := findTCDrop(w.tcCase(map[string]uint64{"dev.flannel.1.rxPackets": 20})); len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestTCDropAnswersBack: answers set out from node b; whether the own node's tunnel took
// them in tells whether a program behind it can have taken them.
func TestTCDropAnswersBack(t *testing.T) {
	for came, want := range map[int]diagnose.Confidence{6: diagnose.Likely, 0: diagnose.Possible} {
		w := newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "service.endpoint 10.2.0.3").deep().
			left(true).tracks("b").tunnelled(true).sent("a").sent("b").answered("b").attach("a", program("flannel.1", facts.XDP, "ingress", "guard"))
		w.facts.Network.Plugin = "flannel"
		for i, r := range w.results {
			switch r.TaskID {
			case "node.flows b":
				for j := range r.Kernel.Flows {
					w.results[i].Kernel.Flows[j].State = "SYN_RECV"
				}
			case "node.flows a":
				w.results[i].Kernel.Tunnelled = map[string]int{w.facts.Nodes[1].IPs[0].String(): came}
			}
		}
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.flannel.1.rxPackets": 40}, "b": {}}
		found := findTCDrop(c)
		if len(found) != 1 || found[0].Confidence != want || !strings.Contains(found[0].Headline, "takes the answers from 10.2.0.2:8080 and 10.2.0.3:8080: ") {
			t.Errorf("%d came: want %s, got %+v", came, want, found)
		}
	}
}

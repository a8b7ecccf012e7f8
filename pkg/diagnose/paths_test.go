package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

const client = "pod/shop/client"

// tried is a result of three attempts at a target; the task is "CHECK TARGET".
func tried(vantage, id, target string, status check.Status, failure check.Failure, lost int) check.Result {
	r := check.Result{Vantage: vantage, Check: id, TaskID: id + " " + target, Status: status, Failure: failure, Label: check.Label{Target: target, Object: "pod/of/" + target}}
	for i := range 3 {
		a := check.Attempt{}
		if i < lost {
			a.Failure = failure
		}
		r.Attempts = append(r.Attempts, a)
	}
	return r
}

func answers(id, target string) check.Result { return tried(client, id, target, check.Pass, "", 0) }
func silent(id, target string) check.Result {
	return tried(client, id, target, check.Fail, check.Timeout, 3)
}

func TestPeers(t *testing.T) {
	tests := []struct {
		name    string
		results []check.Result
		want    []string // vantage address@node answered/lost bad
	}{
		{"answers", []check.Result{answers("service.endpoint", "10.2.0.2:80")}, []string{client + " 10.2.0.2@b 1/0 0"}},
		{"silent", []check.Result{silent("service.endpoint", "10.2.0.2:80")}, []string{client + " 10.2.0.2@b 0/1 1"}},
		{"unreachable", []check.Result{tried(client, "target.tcp", "10.2.0.2:80", check.Fail, check.Unreachable, 3)}, []string{client + " 10.2.0.2@b 0/1 1"}},
		{"a refusal is a sign of life", []check.Result{tried(client, "target.tcp", "10.2.0.2:80", check.Fail, check.Refused, 3)}, []string{client + " 10.2.0.2@b 1/0 1"}},
		{"one attempt in three too", []check.Result{tried(client, "target.tcp", "10.2.0.2:80", check.Fail, check.Timeout, 2)}, []string{client + " 10.2.0.2@b 1/0 1"}},
		{"several ports are one peer", []check.Result{silent("service.endpoint", "10.2.0.2:80"), silent("target.udp", "10.2.0.2:53 udp"), answers("target.icmp", "10.2.0.2")},
			[]string{client + " 10.2.0.2@b 1/2 2"}},
		{"echo that is only a warning proves nothing", []check.Result{tried(client, "target.icmp", "10.2.0.2", check.Warn, check.Timeout, 3), tried(client, "path.mtu", "10.2.0.3", check.Warn, check.Timeout, 3)},
			[]string{client + " 10.2.0.2@b 0/0 1", client + " 10.2.0.3@b 0/0 1"}},
		{"echo that fails does", []check.Result{silent("target.icmp", "10.2.0.2")}, []string{client + " 10.2.0.2@b 0/1 1"}},
		{"skipped says nothing", []check.Result{tried(client, "target.icmp", "10.2.0.2", check.Skipped, "", 0)}, []string{client + " 10.2.0.2@b 0/0 0"}},
		{"a service's own address is nobody, nor is a name", []check.Result{silent("service.endpoint", "10.96.0.80:80"), silent("target.tcp", "[fd00:96::80]:80"), silent("target.tcp", "10.96.0.1:443"), silent("target.tcp", "example.com:80")}, nil},
		{"other checks do not tell of a peer", []check.Result{silent("gateway.icmp", "10.1.0.1"), silent("api.endpoint", "192.168.0.1:6443")}, nil},
		{"sorted by vantage point, then by address", []check.Result{
			answers("service.endpoint", "10.2.0.10:80"), answers("service.endpoint", "10.2.0.9:80"), tried("node/b", "service.endpoint", "10.1.0.2:80", check.Pass, "", 0), answers("target.tcp", "192.168.0.2:22")},
			[]string{"node/b 10.1.0.2@a 1/0 0", client + " 10.2.0.9@b 1/0 0", client + " 10.2.0.10@b 1/0 0", client + " 192.168.0.2@ 1/0 0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCase(cluster(), tt.results)
			var got []string
			for _, p := range c.Peers() {
				got = append(got, fmt.Sprintf("%s %s@%s %d/%d %d", p.Vantage, p.Addr, p.Node, p.Answered, p.Lost, len(p.Keys)))
				if p.Dark() != (p.Answered == 0 && p.Lost > 0) || c.PeerAt(p.Vantage, p.Addr).Lost != p.Lost {
					t.Errorf("%+v", p)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCutOff(t *testing.T) {
	farDark, ownDark := silent("service.endpoint", "10.2.0.2:80"), silent("service.endpoint", "10.1.0.2:80")
	tests := []struct {
		name    string
		results []check.Result
		want    bool
	}{
		{"nothing was tried", nil, false},
		{"one far pod is silent: it may be the way to it", []check.Result{farDark}, false},
		{"two of one far node", []check.Result{farDark, silent("service.endpoint", "10.2.0.3:80")}, false},
		{"those of two nodes", []check.Result{farDark, silent("target.tcp", "10.3.0.2:80")}, true},
		{"one of the own node", []check.Result{ownDark}, true},
		{"somebody answers", []check.Result{ownDark, farDark, answers("target.tcp", "10.3.0.2:80")}, false},
		{"somebody refuses", []check.Result{ownDark, farDark, tried(client, "target.tcp", "10.3.0.2:80", check.Fail, check.Refused, 3)}, false},
		{"an API server answers", []check.Result{ownDark, farDark, answers("api.endpoint", "192.168.0.1:6443")}, false},
		{"no API server answers either", []check.Result{ownDark, silent("api.endpoint", "192.168.0.1:6443")}, true},
		{"the answer is another vantage point's", []check.Result{ownDark, tried("node/b", "target.tcp", "10.3.0.2:80", check.Pass, "", 0), tried("node/b", "api.endpoint", "192.168.0.1:6443", check.Pass, "", 0)}, true},
		{"a ClusterIP does not count", []check.Result{ownDark, answers("target.tcp", "10.96.0.80:80")}, true},
	}
	for _, tt := range tests {
		if got := NewCase(cluster(), tt.results).CutOff(client); got != tt.want {
			t.Errorf("%s: cut off %v, want %v", tt.name, got, tt.want)
		}
	}
	// A node's own pods are those of that node, not of the vantage pod's.
	c := NewCase(cluster(), []check.Result{tried("node/b", "target.tcp", "10.2.0.2:80", check.Fail, check.Timeout, 3)})
	if !c.CutOff("node/b") {
		t.Error("a node that does not reach its own pod is not cut off")
	}
}

func TestHops(t *testing.T) {
	own, far := answers("service.endpoint", "10.1.0.2:80"), silent("service.endpoint", "10.2.0.2:80")
	tests := []struct {
		name    string
		results []check.Result
		want    []string // from>to dark elsewhere keys
	}{
		{"all answer", []check.Result{own, answers("service.endpoint", "10.2.0.2:80")}, nil},
		{"a node is dark", []check.Result{own, far, silent("target.icmp", "10.2.0.3")}, []string{"a>b 2 dark, 0 elsewhere, 2 keys"}},
		{"one of its pods answers", []check.Result{own, far, answers("target.icmp", "10.2.0.3")}, nil},
		{"one port of its pod answers", []check.Result{own, far, answers("target.icmp", "10.2.0.2")}, nil},
		{"another node answers", []check.Result{own, far, answers("target.tcp", "10.3.0.2:80")}, []string{"a>b 1 dark, 1 elsewhere, 1 keys"}},
		{"two nodes are dark, the own answers", []check.Result{own, far, silent("target.tcp", "10.3.0.2:80")}, []string{"a>b 1 dark, 0 elsewhere, 1 keys", "a>c 1 dark, 0 elsewhere, 1 keys"}},
		{"nobody answers: that is no hop", []check.Result{silent("service.endpoint", "10.1.0.2:80"), far}, nil},
		{"nodes and strangers are no hop", []check.Result{own, silent("target.tcp", "192.168.0.2:22"), silent("target.tcp", "203.0.113.9:80")}, nil},
		{"from a node as well", []check.Result{own, far, tried("node/b", "target.tcp", "10.1.0.2:80", check.Fail, check.Timeout, 3), tried("node/b", "target.tcp", "10.2.0.2:80", check.Pass, "", 0)},
			[]string{"b>a 1 dark, 0 elsewhere, 1 keys", "a>b 1 dark, 0 elsewhere, 1 keys"}},
		{"the own node's view together with the pod's", []check.Result{own, far, tried("node/a", "target.tcp", "10.2.0.2:80", check.Pass, "", 0)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			c := NewCase(cluster(), tt.results)
			for _, h := range c.Hops() {
				got = append(got, fmt.Sprintf("%s>%s %d dark, %d elsewhere, %d keys", h.From, h.To, len(h.Dark), h.Elsewhere, len(h.Keys)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			h, behind := c.HopOf(far)
			if want := strings.Contains(strings.Join(got, " "), "a>b"); behind != want || behind && h.To != "b" {
				t.Errorf("behind a hop: %v %+v, want %v", behind, h, want)
			}
		})
	}
}

func TestThrough(t *testing.T) {
	vip := func(lost int) check.Result {
		return tried(client, "service.vip", "10.96.0.80:80", check.Fail, check.Timeout, lost)
	}
	often := vip(3)
	often.Attempts = slices.Concat(often.Attempts, often.Attempts, often.Attempts, often.Attempts)
	one, all := []check.Result{silent("service.endpoint", "10.2.0.2:80")}, []check.Result{silent("service.endpoint", "10.2.0.2:80"), silent("service.endpoint", "10.2.0.3:80"), silent("service.endpoint", "10.1.0.2:80")}
	name := tried(client, "dns.cluster", "resolv.conf udp A", check.Fail, check.Timeout, 3)
	tests := []struct {
		name string
		ill  []check.Result
		more []check.Result
		want string // the tasks added
	}{
		{"a share of the ClusterIP", one, []check.Result{vip(1)}, "service.vip 10.96.0.80:80"},
		{"all of it, though others are well", one, []check.Result{often}, ""},
		{"all of few attempts, which chance may have sent there", one, []check.Result{vip(3)}, "service.vip 10.96.0.80:80"},
		{"all of it, and all are ill", all, []check.Result{vip(3)}, "service.vip 10.96.0.80:80"},
		{"a ClusterIP that is well", one, []check.Result{answers("service.vip", "10.96.0.80:80")}, ""},
		{"another service's", []check.Result{silent("service.endpoint", "10.3.0.9:80")}, []check.Result{vip(1)}, ""},
		{"a name, when the DNS server is ill", []check.Result{silent("dns.cluster", "10.3.0.53 udp A")}, []check.Result{name}, "dns.cluster resolv.conf udp A"},
		{"a name, when it is not", one, []check.Result{name}, ""},
		{"DNS's own ClusterIP", []check.Result{silent("dns.cluster", "10.3.0.53 udp A")}, []check.Result{silent("dns.cluster", "10.96.0.10 udp A")}, "dns.cluster 10.96.0.10 udp A"},
		{"another server's own", []check.Result{silent("dns.cluster", "10.3.0.53 udp A")}, []check.Result{silent("dns.cluster", "203.0.113.53 udp A")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCase(cluster(), append(append([]check.Result{}, tt.ill...), tt.more...))
			given := Keys(tt.ill)
			got := c.Through(append(given, given[0])) // a key twice is one
			added := 0
			for _, key := range got {
				if _, task, _ := strings.Cut(key, " "); task == tt.want {
					added++
				}
			}
			if want := len(given) + added; len(got) != want || (added == 1) != (tt.want != "") {
				t.Errorf("%q, want %q and %q", got, given, tt.want)
			}
		})
	}
}

func TestCrossing(t *testing.T) {
	aPod := tried("node/c", "target.tcp", "10.1.0.2:80", check.Fail, check.Timeout, 3)
	c := NewCase(cluster(), []check.Result{
		silent("service.endpoint", "10.2.0.2:80"), silent("target.tcp", "10.3.0.2:80"), silent("service.endpoint", "10.1.0.2:80"), answers("target.tcp", "10.2.0.3:80"), aPod,
		tried(client, "service.vip", "10.96.0.80:80", check.Fail, check.Timeout, 1), {Vantage: "node/b", Check: "node.sysctl", TaskID: "s", Status: check.Fail}, {Vantage: check.VantageAPI, Check: "service.ready", TaskID: "r", Status: check.Fail},
	})
	// The ClusterIP comes with an endpoint behind it that is among them.
	const b, third, vip, back = client + " service.endpoint 10.2.0.2:80", client + " target.tcp 10.3.0.2:80", client + " service.vip 10.96.0.80:80", "node/c target.tcp 10.1.0.2:80"
	for _, tt := range []struct {
		node, other string
		want        []string
	}{
		{"b", "", []string{b, vip}}, {"a", "", []string{back, b, vip, third}}, // not what stays on it
		{"a", "b", []string{b, vip}}, {"b", "a", []string{b, vip}},
		{"c", "", []string{back, vip, third}}, {"a", "c", []string{back, vip, third}}, {"b", "c", nil}, {"c", "b", nil},
	} {
		if diff := cmp.Diff(tt.want, c.Crossing(tt.node, tt.other)); diff != "" {
			t.Errorf("%s to %q (-want +got):\n%s", tt.node, tt.other, diff)
		}
	}
}
